"""Counters of one process."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from common.counters import TIDY_SECONDS, Counters, OwnCounters
from tests.contracts.counters import CountersContract
from tests.fakes.clock import FakeClock


class TestOwnCounters(CountersContract):
    """OwnCounters, with a clock that nobody waits for."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def counters(self, clock: FakeClock) -> Counters:
        return OwnCounters(clock.monotonic)

    @pytest.fixture
    def sleep(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.sleep


def test_what_is_over_is_forgotten() -> None:
    """Keys that nobody counts under any more take no memory."""
    clock = FakeClock()
    counters = OwnCounters(clock.monotonic)
    for number in range(100):
        counters.count(f"visitor-{number}", 1)
    counters.count("regular", 3600)
    clock.sleep(TIDY_SECONDS)
    assert counters.count("regular", 3600)[0] == 2
    assert set(counters._windows) == {"regular"}
