"""Who works, who stands in line, and who is turned away."""
from __future__ import annotations

import threading
from collections import deque

from common.errors import DeadlineExceeded, Overloaded


class Turns:
    """Places to work at, and a line of bounded length in front of them: first come, first served.
    """

    def __init__(self, places: int, line: int) -> None:
        self._free = places
        self._longest = line
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def take(self, seconds: float) -> None:
        """Return with a place, after waiting for it at most that long.

        Raises Overloaded at once if the line is full, and DeadlineExceeded.
        """
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            if len(self._line) >= self._longest:
                raise Overloaded()
            turn = threading.Event()
            self._line.append(turn)
        if not turn.wait(seconds):
            self._step_out(turn)

    def give_back(self) -> None:
        """Leave a place to the next in line."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1

    def take_again(self) -> None:
        """Take a place before all others, for work that was begun; however long it takes."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn = threading.Event()
            self._line.appendleft(turn)
        turn.wait()

    def _step_out(self, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():  # it came at the last moment
                return
            self._line.remove(turn)
        raise DeadlineExceeded()
