"""Draining the inbox, and the threads that work it off in the background."""
from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from common.errors import DatabaseUnavailable
from tests.unit.predict.inbox.intake import PICTURE, Intake
from tests.waiting import wait_until

PATIENCE_SECONDS = 20.0


@pytest.fixture
def pair() -> Iterator[Intake]:
    """The inbox with two threads."""
    made = Intake(threads=2)
    yield made
    made.close()


def test_drain(pair: Intake) -> None:
    """All that is due is dealt with, and counted by what became of it."""
    for number in range(5):
        pair.drop(name=f"{number}.png")
    pair.drop(b"text", "notes.txt")
    pair.store.delete(pair.drop(name="gone.png"))
    assert pair.worker.drain(60) == Counter(classified=5, dead=2)
    assert pair.worker.drain(60) == Counter()
    assert len(pair.repository.predictions) == 5


def test_drain_ends(intake: Intake) -> None:
    """What is put back meanwhile does not keep a drain busy."""
    intake.drop()

    def fail() -> None:
        raise RuntimeError

    intake.engine.before = fail
    assert intake.worker.drain(60) == Counter(retried=1)


def test_drain_has_no_time(pair: Intake) -> None:
    """Without time left nothing is begun."""
    pair.drop()
    assert pair.worker.drain(0) == Counter()
    assert pair.row().attempts == 0


def test_drain_in_time(intake: Intake) -> None:
    """When its time is over, a drain ends what it has begun and begins nothing more."""
    for number in range(5):
        intake.drop(name=f"{number}.png")
    intake.engine.before = lambda: time.sleep(0.3)
    assert sum(intake.worker.drain(0.25).values()) <= 1
    assert intake.inbox.backlog().pending >= 4


def test_drain_side_by_side(pair: Intake) -> None:
    """As many pictures are classified at once as there are threads."""
    together = threading.Barrier(2)
    pair.engine.before = lambda: together.wait(PATIENCE_SECONDS)
    pair.drop(name="1.png")
    pair.drop(name="2.png")
    assert pair.worker.drain(60) == Counter(classified=2)


def test_drain_takes_turns(intake: Intake) -> None:
    """New pictures do not wait behind all that came before, nor old ones for ever."""
    for number in range(1, 5):
        intake.drop(name=f"{number}.png")
    intake.worker.drain(60)
    names = [record.filename for record in intake.repository.predictions.values()]
    assert names == ["1.png", "4.png", "2.png", "3.png"]


def test_drain_without_database(pair: Intake) -> None:
    """Without the database the caller is told."""
    pair.inbox.down = True
    with pytest.raises(DatabaseUnavailable):
        pair.worker.drain(60)


def test_started(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A started worker deals with what comes, and outlives outages."""
    monkeypatch.setattr("predict.inbox.worker.POLL_SECONDS", 0.01)
    tried = threading.Event()
    claim = intake.inbox.claim

    def down(lease_seconds: float, newest_first: bool) -> None:
        tried.set()
        raise DatabaseUnavailable()

    intake.inbox.claim = down  # type: ignore[method-assign]
    intake.worker.start()
    assert tried.wait(PATIENCE_SECONDS)
    intake.inbox.claim = claim  # type: ignore[method-assign]
    intake.drop()
    wait_until(lambda: intake.states() == ["done"])
    assert intake.record().filename == "cup.png"


def test_woken(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that sleeps is woken by what is announced."""
    monkeypatch.setattr("predict.inbox.worker.POLL_SECONDS", 600.0)
    looked = threading.Event()
    claim = intake.inbox.claim

    def watched(lease_seconds: float, newest_first: bool) -> object:
        found = claim(lease_seconds, newest_first)
        looked.set()
        return found

    intake.inbox.claim = watched  # type: ignore[method-assign,assignment]
    intake.worker.start()
    for name in ("1.png", "2.png"):
        assert looked.wait(PATIENCE_SECONDS)
        looked.clear()
        intake.drop(name=name)
        intake.worker.wake()
        wait_until(lambda: set(intake.states()) == {"done"})
    assert len(intake.repository.predictions) == 2


def test_courtesy(pair: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """While requests take all there is, one thread goes on; afterwards all do."""
    monkeypatch.setattr("predict.inbox.worker.POLL_SECONDS", 0.01)
    monkeypatch.setattr("predict.inbox.worker.COURTESY_SECONDS", 600.0)
    busy: set[str] = set()
    pair.engine.before = lambda: busy.add(threading.current_thread().name)
    with pair.load.request():
        for number in range(5):
            pair.drop(name=f"{number}.png")
        pair.worker.start()
        wait_until(lambda: pair.states() == ["done"] * 5)
        assert busy == {"inbox-0"}
        together = threading.Barrier(2)
        pair.engine.before = lambda: together.wait(PATIENCE_SECONDS)
        pair.drop(PICTURE, "with.png")
        pair.drop(PICTURE, "both.png")
    wait_until(lambda: pair.states() == ["done"] * 7)


def test_courtesy_ends(pair: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that never end do not keep uploads waiting for ever."""
    monkeypatch.setattr("predict.inbox.worker.POLL_SECONDS", 0.01)
    monkeypatch.setattr("predict.inbox.worker.COURTESY_SECONDS", 0.01)
    together = threading.Barrier(2)
    pair.engine.before = lambda: together.wait(PATIENCE_SECONDS)
    with pair.load.request():
        pair.drop(name="1.png")
        pair.drop(name="2.png")
        pair.worker.start()
        wait_until(lambda: pair.states() == ["done"] * 2)
