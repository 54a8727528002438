"""Several pictures side by side: what holds of order, failures and limits."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgclass.cli.files import AT_ONCE, LONGEST_WAIT_SECONDS, Outcome, attempts
from imgclass.errors import ProblemError, Unreachable

FILES = [Path(f"{number}.jpg") for number in range(200)]
PATIENCE_SECONDS = 60


def names(outcomes: Iterator[Outcome]) -> list[str]:
    return [outcome.file for outcome in outcomes]


def test_first_by_itself() -> None:
    """Nothing is sent beside the first picture: a refusal of all costs one request."""
    tried = []

    def refuse(file: Path) -> Outcome:
        tried.append(file)
        raise Unreachable

    with pytest.raises(Unreachable):
        names(attempts(FILES, refuse))
    assert tried == FILES[:1]


def test_side_by_side_and_in_order() -> None:
    """Behind the first several are under way at once, and each is told in its turn."""
    together = threading.Barrier(AT_ONCE, timeout=PATIENCE_SECONDS)

    def work(file: Path) -> Outcome:
        if file != FILES[0]:
            turn = together.wait()
            time.sleep(turn / 100)  # so that they end in another order
        return Outcome(str(file))

    some = FILES[:1 + 3 * AT_ONCE]
    assert names(attempts(some, work)) == [str(file) for file in some]


def test_end_for_all() -> None:
    """What would fail for every picture ends it: the rest is not tried, and whatever was done
    until then is told."""
    done = []

    def work(file: Path) -> Outcome:
        if file == FILES[10]:
            raise ProblemError(401, "The token has expired.")
        time.sleep(0.005)
        done.append(str(file))
        return Outcome(str(file))

    told = []
    with pytest.raises(ProblemError):
        for outcome in attempts(FILES, work):
            told.append(outcome.file)
    assert told == sorted(done, key=lambda name: int(name.removesuffix(".jpg")))
    assert len(told) < len(FILES) / 2


def test_left_early() -> None:
    """Whoever leaves, as by Ctrl-C, waits for what is under way, and for nothing else."""
    tried = []

    def work(file: Path) -> Outcome:
        tried.append(file)
        time.sleep(0.005)
        return Outcome(str(file))

    outcomes = attempts(FILES, work)
    assert [next(outcomes).file, next(outcomes).file] == ["0.jpg", "1.jpg"]
    outcomes.close()
    seen = len(tried)
    assert seen < len(FILES) / 2
    time.sleep(0.05)
    assert len(tried) == seen


def test_left_while_waiting() -> None:
    """Whoever leaves does not wait until a limit has passed."""
    waiting = threading.Event()

    def work(file: Path) -> Outcome:
        if file in FILES[:2]:
            return Outcome(str(file))
        waiting.set()
        raise ProblemError(429, "Too many requests", retry_after=LONGEST_WAIT_SECONDS)

    outcomes = attempts(FILES, work)
    assert [next(outcomes).file, next(outcomes).file] == ["0.jpg", "1.jpg"]
    assert waiting.wait(PATIENCE_SECONDS)
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < LONGEST_WAIT_SECONDS / 2


def test_limit_on_requests() -> None:
    """A limit that will pass soon is waited for; one that will not is a failure."""
    waits = {FILES[0]: [0.01, 0.01], FILES[1]: [LONGEST_WAIT_SECONDS + 1]}

    def work(file: Path) -> Outcome:
        if waits.get(file):
            raise ProblemError(429, "Too many requests", retry_after=waits[file].pop())
        return Outcome(str(file))

    first, second, third = attempts(FILES[:3], work)
    assert (first.reason, third.reason) == ("", "")
    assert second.reason == "Too many requests (status 429)"
