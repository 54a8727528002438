"""Micro-batches: concurrent calls share a run of the engine, and nothing else."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import DeadlineExceeded
from common.inference.batching import MAX_PICTURES, MicroBatcher
from common.inference.engine import Pixels


class CountingEngine:
    """Answers each picture with its own mean; notes the size of every batch."""

    name = "counting"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.before: Callable[[Pixels], object] = lambda pixels: None

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        self.batches.append(len(pixels))
        self.before(pixels)
        means: NDArray[np.float32] = pixels.mean(axis=(1, 2, 3), dtype=np.float32)
        return np.stack([means, -means], axis=-1)


class Gate:
    """An engine whose first batch waits, so that others gather behind it."""

    def __init__(self, engine: CountingEngine) -> None:
        self.entered, self._opened = threading.Event(), threading.Event()
        engine.before = self._wait

    def _wait(self, pixels: Pixels) -> None:
        if not self.entered.is_set():
            self.entered.set()
            assert self._opened.wait(10)

    def open(self) -> None:
        self._opened.set()


def pixels(*values: float) -> NDArray[np.float32]:
    """One picture of each value."""
    return np.stack([np.full((2, 2, 3), value, np.float32) for value in values])


def gathered(
    batcher: MicroBatcher, engine: CountingEngine, calls: list[NDArray[np.float32]],
) -> list[Future[NDArray[np.float32]]]:
    """The answers of calls that arrived, in any order, while the engine was busy."""
    gate = Gate(engine)
    with ThreadPoolExecutor(len(calls) + 1) as threads:
        first = threads.submit(batcher.predict, pixels(0))
        assert gate.entered.wait(10)
        futures = [threads.submit(batcher.predict, call) for call in calls]
        while len(batcher._waiting) < len(calls):
            assert not any(future.done() for future in futures)
        gate.open()
        assert first.result(10).tolist() == [[0, 0]]
    return futures


def test_lone_call() -> None:
    """Who comes alone waits for nobody."""
    engine = CountingEngine()
    batcher = MicroBatcher(engine)
    assert batcher.name == "counting"
    assert batcher.predict(pixels(3)).tolist() == [[3, -3]]
    assert batcher.predict(pixels(1, 2)).tolist() == [[1, -1], [2, -2]]
    assert engine.batches == [1, 2]


def test_calls_share_a_batch() -> None:
    """What is asked while the engine is busy becomes one batch; each gets its own answer."""
    engine = CountingEngine()
    calls = [pixels(number) for number in range(1, 6)]
    futures = gathered(MicroBatcher(engine), engine, calls)
    assert [future.result().tolist() for future in futures] == [
        [[number, -number]] for number in range(1, 6)]
    assert engine.batches == [1, 5]


def test_batches_are_bounded() -> None:
    """No batch is larger than the limit, unless one call alone is."""
    engine = CountingEngine()
    calls = [pixels(number) for number in range(1, 18)]
    futures = gathered(MicroBatcher(engine), engine, calls)
    assert [future.result()[0, 0] for future in futures] == list(range(1, 18))
    assert max(engine.batches) == MAX_PICTURES
    assert sum(engine.batches) == 18
    large = pixels(*range(20))
    assert len(MicroBatcher(engine).predict(large)) == 20


def test_calls_of_several_pictures() -> None:
    """Calls are never torn apart."""
    engine = CountingEngine()
    calls = [pixels(1, 2, 3), pixels(4, 5, 6), pixels(7, 8, 9)]
    futures = gathered(MicroBatcher(engine), engine, calls)
    assert [future.result()[:, 0].tolist() for future in futures] == [
        [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert engine.batches == [1, 6, 3]


def test_bad_picture_spoils_no_other() -> None:
    """If a batch fails, only the call at fault does."""
    engine = CountingEngine()
    batcher, calls = MicroBatcher(engine), [pixels(1), pixels(99), pixels(3)]
    gate = Gate(engine)
    wait = engine.before

    def refuse(batch: Pixels) -> None:
        wait(batch)
        if (batch == 99).any():
            raise ValueError("bad picture")

    engine.before = refuse
    with ThreadPoolExecutor(4) as threads:
        threads.submit(batcher.predict, pixels(0))
        assert gate.entered.wait(10)
        futures = [threads.submit(batcher.predict, call) for call in calls]
        while len(batcher._waiting) < len(calls):
            pass
        gate.open()
    assert futures[0].result().tolist() == [[1, -1]]
    assert futures[2].result().tolist() == [[3, -3]]
    with pytest.raises(ValueError, match="bad picture"):
        futures[1].result()
    assert batcher.predict(pixels(5)).tolist() == [[5, -5]]


def test_many_threads() -> None:
    """Under load every call gets its own answer, and batches form."""
    engine = CountingEngine()
    batcher = MicroBatcher(engine)

    def call(number: int) -> bool:
        return bool(batcher.predict(pixels(number, number + 1))[:, 0].tolist()
                    == [number, number + 1])

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(call, range(500)))
    assert sum(engine.batches) == 1000
    assert max(engine.batches) <= MAX_PICTURES


def test_end_of_patience() -> None:
    """A call whose deadline passes while it waits is dropped; the others are not delayed by it."""
    engine = CountingEngine()
    batcher, gate = MicroBatcher(engine), Gate(engine)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.predict, pixels(1))
        assert gate.entered.wait(10)
        with pytest.raises(DeadlineExceeded):
            batcher.predict(pixels(2), Deadline(time.monotonic() + 0.01))
        last = pool.submit(batcher.predict, pixels(3), Deadline(time.monotonic() + 1000))
        gate.open()
        assert (first.result(10)[0, 0], last.result(10)[0, 0]) == (1, 3)
    assert engine.batches == [1, 1]


def test_deadline_of_a_running_call() -> None:
    """What runs already when its deadline passes is answered."""
    engine = CountingEngine()
    batcher = MicroBatcher(engine)
    engine.before = lambda _: time.sleep(0.02)
    assert batcher.predict(pixels(1), Deadline(time.monotonic() + 0.001))[0, 0] == 1
