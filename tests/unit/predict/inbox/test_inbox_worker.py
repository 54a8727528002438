"""The worker when something fails: outages are waited for, failures counted, nothing lost."""
from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from common.errors import (
    CommitUnknown, DatabaseUnavailable, ModelUnavailable, StoreUnavailable)
from common.storage import Writing
from predict.inbox.repository import ClaimedEvent
from predict.inbox.worker import LEASE_SECONDS, OUTAGE_SECONDS
from tests.unit.predict.inbox.intake import MAX_ATTEMPTS, PICTURE, Intake

MANY = 3 * MAX_ATTEMPTS


def delay(intake: Intake) -> float:
    """Seconds until the one event is due."""
    return (intake.row().due_at - datetime.now(timezone.utc)).total_seconds()


def store_down(intake: Intake) -> Callable[[], None]:
    """Make the store unreachable; answers what ends that."""
    intake.store.down = True
    return lambda: setattr(intake.store, "down", False)


def no_model(intake: Intake) -> Callable[[], None]:
    """Take the model away; answers what ends that."""
    lineup, intake.models.current = intake.models.current, None
    return lambda: setattr(intake.models, "current", lineup)


def database_full(intake: Intake) -> Callable[[], None]:
    """Have the database record no predictions; answers what ends that."""
    intake.repository.down = True
    return lambda: setattr(intake.repository, "down", False)


@pytest.mark.parametrize(("begin", "reason"), [
    (store_down, StoreUnavailable()), (no_model, ModelUnavailable("No model is active.")),
    (database_full, DatabaseUnavailable())])
def test_outage(
    intake: Intake, begin: Callable[[Intake], Callable[[], None]], reason: Exception
) -> None:
    """While a part does not answer an upload waits, as often as it takes; no attempt counts."""
    intake.drop()
    end = begin(intake)
    for _ in range(MANY):
        assert intake.work() == "retried"
        row = intake.row()
        assert (row.state, row.attempts, row.reason) == ("pending", 0, str(reason))
        assert 0 < delay(intake) <= OUTAGE_SECONDS
        assert intake.work() is None
        intake.elapse()
    assert len(intake.pauses) == MANY
    assert all(0 < pause <= 2 * OUTAGE_SECONDS for pause in intake.pauses)
    end()
    assert intake.work() == "classified"
    assert set(intake.stored()) == {intake.record().object_key}
    assert intake.row().reason is None


def test_database_down(intake: Intake) -> None:
    """Without the database nothing can be claimed; the caller is told."""
    intake.drop()
    intake.inbox.down = True
    with pytest.raises(DatabaseUnavailable):
        intake.work()
    intake.inbox.down = False
    assert intake.row().attempts == 0


def test_database_goes_down(intake: Intake) -> None:
    """If the database does not even hear of it, the event is due again when its lease is over."""
    intake.drop()

    def go_down() -> None:
        intake.inbox.down = intake.repository.down = True

    intake.engine.before = go_down
    assert intake.work() == "retried"
    assert len(intake.pauses) == 1
    intake.engine.before = lambda: None
    intake.inbox.down = intake.repository.down = False
    assert 0 < delay(intake) <= LEASE_SECONDS
    intake.elapse()
    assert intake.work() == "classified"
    assert set(intake.stored()) == {intake.record().object_key}


def fail() -> Callable[[], None]:
    """What fails whenever it is called."""
    def failing() -> None:
        raise RuntimeError("out of order")

    return failing


def test_failure(intake: Intake) -> None:
    """A picture that fails while all is healthy is tried again a few times, then given up."""
    key = intake.drop()
    intake.engine.before = fail()
    for attempt in range(1, MAX_ATTEMPTS):
        assert intake.work() == "retried"
        row = intake.row()
        assert (row.state, row.attempts) == ("pending", attempt)
        assert row.reason == "Unexpected: RuntimeError('out of order')"
        assert intake.work() is None
        intake.elapse()
    assert intake.work() == "dead"
    row = intake.row()
    assert (row.state, row.fault, row.attempts) == ("dead", "exhausted", MAX_ATTEMPTS)
    assert row.reason == "Unexpected: RuntimeError('out of order')"
    assert len(intake.inbox.told) == 1
    assert intake.pauses == []
    assert key in intake.stored()


def test_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """From one attempt to the next it takes twice as long, more or less, up to minutes."""
    monkeypatch.setattr("tests.unit.predict.inbox.intake.MAX_ATTEMPTS", 20)
    intake, delays = Intake(), []
    retry = intake.inbox.retry

    def watched(event: ClaimedEvent, reason: str, delay_seconds: float, excused: bool) -> None:
        delays.append(delay_seconds)
        retry(event, reason, delay_seconds, excused)

    intake.inbox.retry = watched  # type: ignore[method-assign]
    intake.engine.before = fail()
    intake.drop()
    while intake.work() == "retried":
        intake.elapse()
    intake.close()
    assert len(delays) == 19
    for attempt, seconds in enumerate(delays):
        assert 0.5 <= seconds / min(2 ** attempt, 300) <= 1.5
    assert len(set(delays)) == 19  # rivals part


def test_failure_of_one_object(intake: Intake) -> None:
    """An outage that only this object meets, while all is healthy, counts as its failure."""
    intake.drop()

    def refuse(source: str, key: str, *_rest: object) -> None:
        raise StoreUnavailable()

    intake.store.copy = refuse  # type: ignore[method-assign,assignment]
    for _ in range(MAX_ATTEMPTS):
        intake.work()
        intake.elapse()
    row = intake.row()
    assert (row.state, row.fault) == ("dead", "exhausted")
    assert row.reason == "The object store does not answer."
    assert intake.pauses == []


def test_failure_that_passes(intake: Intake) -> None:
    """A picture that failed once is classified in the end, under the key of the first attempt."""
    intake.drop()
    intake.engine.before = fail()
    intake.work()
    (key,) = (key for key in intake.stored() if not key.startswith("uploads/"))
    intake.engine.before = lambda: None
    intake.elapse()
    assert intake.work() == "classified"
    assert intake.stored() == {key: PICTURE}
    assert (intake.record().object_key, intake.row().reason) == (key, None)


@pytest.mark.parametrize("error", [
    RuntimeError("\0\ud800" + "x" * 10_000), StoreUnavailable("\0" + "x" * 10_000)])
def test_hostile_reason(intake: Intake, error: Exception) -> None:
    """A reason made of what a picture says stays short and can be stored."""
    def failing() -> None:
        raise error

    intake.drop()
    intake.engine.before = failing
    intake.work()
    reason = intake.row().reason
    assert reason is not None and len(reason) <= 500
    assert b"\0" not in reason.encode()


def test_one_failure_does_not_keep_others_waiting(intake: Intake) -> None:
    """What was put back is behind all that is due."""
    intake.engine.before = fail()
    intake.drop(name="1.png")
    intake.work()
    intake.engine.before = lambda: None
    intake.drop(name="2.png")
    assert intake.work() == "classified"
    assert intake.record().filename == "2.png"


def test_deadly_picture(intake: Intake) -> None:
    """A picture on which workers die is given up after as many deaths as attempts."""
    intake.drop()
    for _ in range(MAX_ATTEMPTS):
        assert intake.inbox.claim(60, False) is not None  # and the process is killed
        assert intake.work() is None
        intake.elapse()
    assert intake.work() == "dead"
    row = intake.row()
    assert (row.state, row.fault) == ("dead", "exhausted")
    assert row.reason == f"Its classification was abandoned {MAX_ATTEMPTS} times."
    assert intake.engine.calls == []


def test_abandoned_once(intake: Intake) -> None:
    """What one worker left undone another one does."""
    intake.drop()
    intake.inbox.claim(60, False)
    intake.elapse()
    assert intake.work() == "classified"


def test_removal_has_no_last_attempt(intake: Intake) -> None:
    """However often workers die before they have removed an upload, it is removed in the end."""
    key = intake.drop()
    delete = intake.store.delete_writing

    def refuse(key: str, writing: Writing) -> None:
        raise StoreUnavailable()

    intake.store.delete_writing = refuse  # type: ignore[method-assign]
    for _ in range(MANY):
        intake.work()
        intake.elapse()
    assert (intake.row().state, intake.row().fault) == ("classified", None)
    intake.store.delete_writing = delete  # type: ignore[method-assign]
    assert intake.work() == "removed"
    assert key not in intake.stored()


def test_commit_stored_after_all(intake: Intake) -> None:
    """If the connection was lost after all was stored, only the upload is left to be removed."""
    intake.drop()
    intake.repository.loses_commits = True
    assert intake.work() == "retried"
    assert (intake.row().state, intake.row().attempts) == ("classified", 0)
    intake.repository.loses_commits = False
    intake.elapse()
    assert intake.work() == "removed"
    assert set(intake.stored()) == {intake.record().object_key}


def test_commit_not_stored(intake: Intake) -> None:
    """If it was lost before, all is done again, under the same key."""
    intake.drop()
    record = intake.repository.record

    def lose(*_arguments: object) -> None:
        raise CommitUnknown()

    intake.repository.record = lose  # type: ignore[method-assign,assignment]
    for _ in range(MANY):
        assert intake.work() == "retried"
        assert (intake.row().state, intake.row().attempts) == ("pending", 0)
        intake.elapse()
    intake.repository.record = record  # type: ignore[method-assign]
    assert intake.work() == "classified"
    assert set(intake.stored()) == {intake.record().object_key}


def test_log(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the events that were put back or refused, and the objects' keys."""
    key = intake.drop()
    (event_id,) = intake.inbox.rows
    intake.engine.before = fail()
    with caplog.at_level(logging.INFO):
        intake.work()
        intake.store.delete(key)
        intake.elapse()
        intake.work()
    assert [record.getMessage() for record in caplog.records] == [
        "an upload is put back", "an upload is refused: The object is not there any more."]
    assert {(vars(record)["event_id"], vars(record)["key"]) for record in caplog.records} == {
        (str(event_id), key)}


def test_nothing_is_claimed_without_a_model(intake: Intake) -> None:
    """Before a model is loaded, events wait untouched: nothing is fetched in vain."""
    intake.drop()
    intake.has_model = False
    assert intake.work() is None
    assert (intake.row().state, intake.row().attempts) == ("pending", 0)
    intake.has_model = True
    assert intake.work() == "classified"
