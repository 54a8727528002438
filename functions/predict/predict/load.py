"""How busy this process is with requests, so that work in the background can step aside."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class RequestLoad:
    """Counts the pictures that somebody waits for; `capacity` are inferred at once."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._count = 0
        self._changed = threading.Condition()

    @contextmanager
    def request(self) -> Iterator[None]:
        """While it lasts, somebody waits for a picture."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait_for_room(self, seconds: float) -> None:
        """Return once requests leave something of the capacity, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count < self._capacity, seconds)
