"""The contract of Counters."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.counters import Counters


class CountersContract:
    """Subclasses give the fixtures `counters` and `sleep`, which lets that much time pass."""

    @pytest.fixture
    def key(self) -> str:
        """A key nobody has counted under."""
        return f"test:{uuid.uuid4()}"

    def test_count(self, counters: Counters, key: str) -> None:
        """Each call counts one more, in the same window."""
        seen = [counters.count(key, 60) for _ in range(5)]
        assert [count for count, _ in seen] == [1, 2, 3, 4, 5]
        assert all(0 < seconds <= 60 for _, seconds in seen)
        assert [seconds for _, seconds in seen] == sorted(
            (seconds for _, seconds in seen), reverse=True)

    def test_several(self, counters: Counters, key: str) -> None:
        """What is worth several counts is counted at once."""
        assert [counters.count(key, 60, more)[0] for more in (5, 1, 2)] == [5, 6, 8]

    def test_keys(self, counters: Counters, key: str) -> None:
        """Keys are counted apart."""
        counters.count(key, 60)
        assert counters.count(f"{key}:other", 60)[0] == 1
        assert counters.count(key, 60)[0] == 2

    def test_next_window(
        self, counters: Counters, key: str, sleep: Callable[[float], None],
    ) -> None:
        """When its window is over a key is counted anew."""
        assert [counters.count(key, 1)[0] for _ in range(3)] == [1, 2, 3]
        sleep(1.05)
        count, seconds = counters.count(key, 1)
        assert count == 1
        assert 0 < seconds <= 1

    def test_at_once(self, counters: Counters, key: str) -> None:
        """Nothing counted at once is lost."""
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(lambda _: counters.count(key, 60)[0], range(200)))
        assert sorted(counts) == list(range(1, 201))
