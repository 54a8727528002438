"""Threads that work in the background."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from common.background import BackgroundLoop
from common.errors import DatabaseUnavailable

LONG = 600.0


class Desk:
    """Things to do: each a function whose answer says whether there may be more."""

    def __init__(self, *tasks: Callable[[], bool]) -> None:
        self.tasks = [*tasks]
        self.empty = threading.Event()

    def work(self) -> bool:
        if not self.tasks:
            self.empty.set()
            return False
        return self.tasks.pop(0)()


def fail(error: Exception) -> bool:
    raise error


def loop(desk: Desk, poll_seconds: float = LONG) -> BackgroundLoop:
    return BackgroundLoop("desk", "the desk", desk.work, poll_seconds)


def test_works_without_a_pause() -> None:
    """As long as there may be more, it goes on at once."""
    desk = Desk(*[lambda: True] * 100)
    loop(desk).start()
    assert desk.empty.wait(5)


def test_woken() -> None:
    """Whoever brings something need not wait for the next look."""
    rested = threading.Event()

    def rest() -> bool:
        rested.set()
        return False

    desk = Desk(rest)
    background = loop(desk)
    background.start()
    assert rested.wait(5)
    background.wake()
    assert desk.empty.wait(5)


def test_looks_every_so_often() -> None:
    """What nobody tells of is found all the same."""
    desk = Desk(*[lambda: False] * 3)
    loop(desk, poll_seconds=0.01).start()
    assert desk.empty.wait(5)


@pytest.mark.parametrize(("error", "level"), [
    (DatabaseUnavailable(), logging.WARNING), (RuntimeError("out of order"), logging.ERROR)])
def test_outlives_errors(
    error: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the work raises is logged, an outage as one, and the thread looks again."""
    desk = Desk(lambda: fail(error))
    loop(desk, poll_seconds=0.01).start()
    assert desk.empty.wait(5)
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (level, "the desk cannot go on")]
