"""Until when the answer to a request is worth working for."""
from __future__ import annotations

import re
import time
from dataclasses import dataclass

from common.errors import DeadlineExceeded

HEADER = "X-Timeout-Ms"


@dataclass(frozen=True)
class Deadline:
    """A time of the monotonic clock, in seconds."""

    at: float

    def remaining(self) -> float:
        """Seconds until then, never negative."""
        return max(self.at - time.monotonic(), 0.0)

    def check(self) -> None:
        """Raises DeadlineExceeded once it has passed."""
        if time.monotonic() >= self.at:
            raise DeadlineExceeded()


def deadline_of(arrived_at: float, sent: str | None, most_seconds: float) -> Deadline:
    """The deadline of a request that carries `sent` in HEADER: milliseconds from its arrival.

    A client can only shorten the time it is given here; what is no number changes nothing.
    """
    seconds = most_seconds
    if sent is not None and re.fullmatch("[0-9]{1,9}", sent):
        seconds = min(int(sent) / 1000, most_seconds)
    return Deadline(arrived_at + seconds)
