"""A clock that nobody waits for."""
from __future__ import annotations

from collections.abc import Callable


class FakeClock:
    """Time passes when someone sleeps; `while_asleep` is called each time, with the seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.while_asleep: Callable[[float], object] = lambda seconds: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds
        self.while_asleep(seconds)
