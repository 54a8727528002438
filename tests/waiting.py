"""Waiting for what other threads and processes do."""
from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0


def wait_until(
    holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS, pause: float = 0.02,
) -> None:
    """Return as soon as it holds; fails if that takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds:g} s"
        time.sleep(pause)
