"""How long to wait after failures."""
from __future__ import annotations

import random

# One event: after 5 s, then ever more slowly, so that 12 attempts take most of a day.
FIRST_RETRY_SECONDS, RETRY_FACTOR, LONGEST_RETRY_SECONDS = 5.0, 3.0, 6 * 3600.0
# A receiver: looked after often enough that what has piled up does not wait for long.
FIRST_PAUSE_SECONDS, PAUSE_FACTOR, LONGEST_PAUSE_SECONDS = 5.0, 2.0, 300.0
# Those who failed together shall not come back together.
JITTER = 0.2


def retry_seconds(attempts: int) -> float:
    """How long an event waits that failed once more after `attempts` failures."""
    return _wait(FIRST_RETRY_SECONDS, RETRY_FACTOR, LONGEST_RETRY_SECONDS, attempts)


def pause_seconds(failures: int) -> float:
    """How long a receiver is left alone that failed once more after `failures` in a row."""
    return _wait(FIRST_PAUSE_SECONDS, PAUSE_FACTOR, LONGEST_PAUSE_SECONDS, failures)


def _wait(first: float, factor: float, longest: float, failures: int) -> float:
    steps = min(failures, 30)  # beyond which nothing grows, and no float overflows
    jitter = random.uniform(1 - JITTER, 1 + JITTER)  # nosec B311  # no secret
    return min(longest, first * factor ** steps) * jitter
