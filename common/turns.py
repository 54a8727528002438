"""Who works, who stands in line, and who is turned away."""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from common.errors import DeadlineExceeded, Overloaded

# A line that has stood so long is no rush but too much to do, and from then on nobody joins it
# who would wait longer than this: the interval of CoDel (RFC 8289), at the entrance.
RUSH_SECONDS = 0.1
# What the last turn counts for in the mean time between two.
SMOOTHING = 0.1


class Turns:
    """Places to work at, and a line in front of them: first come, first served.

    In a rush up to `line` may wait. Once the line stands, it is no longer than can be worked
    through in RUSH_SECONDS, or than there are `places`.
    """

    def __init__(
        self, places: int, line: int, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = self._free = places
        self._longest = line
        self._clock = clock
        self._line: deque[threading.Event] = deque()
        self._standing_since = self._last_turn_at = 0.0
        self._seconds_between_turns = 0.0
        self._lock = threading.Lock()

    def take(self, seconds: float) -> None:
        """Return with a place, after waiting for it at most that long.

        Raises Overloaded at once if the line is too long, and DeadlineExceeded.
        """
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            now = self._clock()
            if len(self._line) >= self._allowed(now):
                raise Overloaded()
            turn = self._stand_in_line(now)
            self._line.append(turn)
        if not turn.wait(seconds):
            self._step_out(turn)

    def give_back(self) -> None:
        """Leave a place to the next in line."""
        with self._lock:
            if self._line:
                self._note_turn(self._clock())
                self._line.popleft().set()
            else:
                self._free += 1

    def take_again(self) -> None:
        """Take a place before all others, for work that was begun; however long it takes."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn = self._stand_in_line(self._clock())
            self._line.appendleft(turn)
        turn.wait()

    def _allowed(self, now: float) -> int:
        if not self._line or now - self._standing_since < RUSH_SECONDS:
            return self._longest
        in_time = int(RUSH_SECONDS / max(self._seconds_between_turns, 1e-6))
        return min(self._longest, max(self._places, in_time))

    def _stand_in_line(self, now: float) -> threading.Event:
        if not self._line:
            self._standing_since = self._last_turn_at = now
        return threading.Event()

    def _note_turn(self, now: float) -> None:
        took = now - self._last_turn_at
        self._seconds_between_turns += SMOOTHING * (took - self._seconds_between_turns)
        self._last_turn_at = now

    def _step_out(self, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():  # it came at the last moment
                return
            self._line.remove(turn)
        raise DeadlineExceeded()
