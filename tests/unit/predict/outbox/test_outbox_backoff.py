"""How long is waited after failures."""
from __future__ import annotations

import pytest

from predict.outbox.backoff import (
    JITTER, LONGEST_PAUSE_SECONDS, LONGEST_RETRY_SECONDS, pause_seconds, retry_seconds)


def test_attempts_of_an_event() -> None:
    """The first retry comes soon, and twelve attempts take most of a day."""
    assert 4 <= retry_seconds(0) <= 6
    whole = sum(retry_seconds(attempts) for attempts in range(11))
    assert 15 * 3600 < whole < 30 * 3600


@pytest.mark.parametrize("failures", [11, 1000])
def test_it_does_not_grow_for_ever(failures: int) -> None:
    """However long a receiver is away, it is looked after."""
    assert pause_seconds(failures) <= LONGEST_PAUSE_SECONDS * (1 + JITTER)
    assert retry_seconds(failures) <= LONGEST_RETRY_SECONDS * (1 + JITTER)


def test_it_grows() -> None:
    """Each wait is longer than the last, whatever chance adds to it."""
    waits = [pause_seconds(failures) for failures in range(6)]
    assert waits == sorted(waits)


def test_nobody_waits_like_another() -> None:
    """Those who failed together do not come back together."""
    assert len({retry_seconds(3) for _ in range(20)}) > 10
