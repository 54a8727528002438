"""Micro-batches: several callers' pictures in one call of an engine that gains from it."""
from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import DeadlineExceeded
from common.inference.engine import Engine, Pixels

MAX_PICTURES = 8


@dataclass(frozen=True, eq=False)
class _Call:
    pixels: Pixels
    answer: Future[NDArray[np.float32]] = field(default_factory=Future)


class MicroBatcher:
    """An Engine that gathers concurrent calls for another one.

    One batch runs at a time; what is asked meanwhile becomes the next, of at most MAX_PICTURES
    pictures unless one call alone has more. Nobody waits for company: a lone call runs at once.
    A batch that fails is repeated call by call, so that a bad picture spoils no other's answer.
    """

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        self._waiting: deque[_Call] = deque()
        self._busy = False
        self._changed = threading.Condition()

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        """See Engine.predict; runs the batch of others too, if it is this caller's turn."""
        call = _Call(pixels)
        with self._changed:
            self._waiting.append(call)
        while not call.answer.done():
            with self._changed:
                free = self._changed.wait_for(
                    lambda: call.answer.done() or not self._busy,
                    deadline.remaining() if deadline else None)
                if call.answer.done():
                    break
                if not free:
                    self._give_up(call)
                    deadline = None  # it runs already
                    continue
                batch, self._busy = self._take(), True
            try:
                self._run(batch)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
        return call.answer.result()

    def _give_up(self, call: _Call) -> None:
        """Raises DeadlineExceeded, unless the call is no longer waiting."""
        if call in self._waiting:
            self._waiting.remove(call)
            raise DeadlineExceeded()

    def _take(self) -> list[_Call]:
        batch = [self._waiting.popleft()]
        pictures = len(batch[0].pixels)
        while self._waiting and pictures + len(self._waiting[0].pixels) <= MAX_PICTURES:
            batch.append(self._waiting.popleft())
            pictures += len(batch[-1].pixels)
        return batch

    def _run(self, batch: list[_Call]) -> None:
        try:
            answers = self._engine.predict(np.concatenate([call.pixels for call in batch]))
        except Exception as error:  # whatever the engine raises belongs to its caller
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for call in batch:
                    self._run([call])
            return
        ends = np.cumsum([len(call.pixels) for call in batch])
        for call, answer in zip(batch, np.split(answers, ends[:-1]), strict=True):
            call.answer.set_result(answer)
