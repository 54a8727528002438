"""What `make soak` says of a process: growth is seen, and a start is not taken for it."""
from __future__ import annotations

import pytest

from bench.footprint import Footprint, Sample
from bench.restarts import RECOVERY_SECONDS, Outage


def test_growth() -> None:
    """Memory that grows by 1 MiB every 10 s grows by 360 MiB an hour, descriptors alike."""
    found = Footprint.of([Sample(10.0 * n, 7, 100.0 + n, 20 + n) for n in range(60)])
    assert found is not None
    assert found.mib_per_hour == pytest.approx(360)
    assert (found.memory_last_mib - found.memory_first_mib
            == found.descriptors_last - found.descriptors_first == 30)


def test_start_is_left_out() -> None:
    """What a process takes in the first third of its time is no growth."""
    found = Footprint.of([Sample(10.0 * n, 7, min(n, 20), min(n, 20)) for n in range(60)])
    assert found is not None
    assert found.mib_per_hour == pytest.approx(0)
    assert found.descriptors_first == found.descriptors_last == 20


def test_longest_life_counts() -> None:
    """A restart is no change of memory: each process is judged by its longest life alone."""
    found = Footprint.of([
        *(Sample(10.0 * n, 7, 300.0, 20) for n in range(10)),
        *(Sample(10.0 * n, 8, 100.0, 20) for n in range(10, 60))])
    assert found is not None
    assert found.memory_first_mib == found.memory_last_mib == 100


def test_too_little_is_no_footprint() -> None:
    """Of a process that was hardly seen nothing is said."""
    assert Footprint.of([]) is None
    assert Footprint.of([Sample(0.0, 7, 100.0, 20)]) is None


@pytest.mark.parametrize(("began", "ended", "explained"), [
    (90.0, 99.0, False), (90.0, 101.0, True), (105.0, 106.0, True),
    (110.0 + RECOVERY_SECONDS, 120.0, True), (110.1 + RECOVERY_SECONDS, 120.0, False)])
def test_outage_explains(began: float, ended: float, explained: bool) -> None:
    """A request failed for an outage if it was under way in it, or soon after."""
    assert Outage("predict", "SIGKILL", 100.0, 110.0).explains(began, ended) == explained
