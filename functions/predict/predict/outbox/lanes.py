"""Threads that serve receivers, so that none waits for a slow one."""
from __future__ import annotations

import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable

from predict.outbox.repository import Receiver

LANES, LANES_PER_RECEIVER = 16, 4

Serve = Callable[[Receiver, float], None]


class Lanes:
    """A limited number of lanes, each a thread that serves one receiver for one turn.

    A receiver that has none comes before one that has, and then whoever was served longest ago.
    `serve` gets a receiver and the moment after which it shall begin nothing.
    """

    def __init__(self, serve: Serve, batch: int) -> None:
        """A receiver is given one lane for each `batch` of deliveries that wait for it."""
        self._serve = serve
        self._batch = batch
        self._changed = threading.Condition()
        self._open: Counter[uuid.UUID] = Counter()
        self._turns = itertools.count(1)
        self._last_turn: dict[uuid.UUID, int] = {}

    def assign(self, receivers: Iterable[Receiver], ends: float) -> int:
        """Open lanes as far as there are any; a receiver that has failed gets one at most.

        Answers how many were opened.
        """
        opened = 0
        with self._changed:
            waiting = sorted(
                receivers, key=lambda each: self._last_turn.get(each.receiver_id, 0))
            for lanes in range(1, LANES_PER_RECEIVER + 1):
                for receiver in waiting:
                    wanted = 1 if receiver.failures else -(-receiver.waiting // self._batch)
                    if self._open[receiver.receiver_id] < lanes <= wanted:
                        if self._open.total() == LANES:
                            return opened
                        self._start(receiver, ends)
                        opened += 1
        return opened

    def wait(self, seconds: float) -> bool:
        """Return when a lane has closed, or after so long; False if none is open."""
        with self._changed:
            return self._open.total() > 0 and (self._changed.wait(seconds) or True)

    def _start(self, receiver: Receiver, ends: float) -> None:
        threading.Thread(
            target=self._run, args=(receiver, ends), name="outbox-lane", daemon=True).start()
        self._open[receiver.receiver_id] += 1
        self._last_turn[receiver.receiver_id] = next(self._turns)

    def _run(self, receiver: Receiver, ends: float) -> None:
        try:
            self._serve(receiver, ends)
        finally:
            with self._changed:
                self._open[receiver.receiver_id] -= 1
                self._changed.notify_all()
