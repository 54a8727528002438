"""Micro-batches: several callers' pictures in one call of an engine that gains from it."""
from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from common.inference.engine import Engine, Pixels

MAX_PICTURES = 8
MAX_WAIT_SECONDS = 0.002


@dataclass(frozen=True)
class _Call:
    pixels: Pixels
    answer: Future[NDArray[np.float32]] = field(default_factory=Future)


class MicroBatcher:
    """An Engine that gathers concurrent calls for another one.

    A batch holds at most MAX_PICTURES pictures and waits at most MAX_WAIT_SECONDS for them. A
    batch that fails is repeated call by call, so that a bad picture spoils no other's answer.
    """

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="micro-batcher", daemon=True).start()

    def predict(self, pixels: Pixels) -> NDArray[np.float32]:
        """See Engine.predict."""
        call = _Call(pixels)
        self._calls.put(call)
        return call.answer.result()

    def close(self) -> None:
        """End the thread once everything asked before is answered."""
        self._calls.put(None)

    def _run(self) -> None:
        while (first := self._calls.get()) is not None:
            calls, ended = self._gather(first)
            self._answer(calls)
            if ended:
                return

    def _gather(self, first: _Call) -> tuple[list[_Call], bool]:
        """A batch that begins with `first`, and whether close() was met."""
        calls, pictures = [first], len(first.pixels)
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while pictures < MAX_PICTURES:
            try:
                call = self._calls.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if call is None:
                return calls, True
            calls.append(call)
            pictures += len(call.pixels)
        return calls, False

    def _answer(self, calls: list[_Call]) -> None:
        try:
            answers = self._engine.predict(np.concatenate([call.pixels for call in calls]))
        except Exception as error:  # whatever the engine raises belongs to its caller
            if len(calls) == 1:
                calls[0].answer.set_exception(error)
            else:
                for call in calls:
                    self._answer([call])
            return
        start = 0
        for call in calls:
            call.answer.set_result(answers[start:start + len(call.pixels)])
            start += len(call.pixels)
