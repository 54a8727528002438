"""The contract of EventRepository."""
from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import pytest

from common.audit import Origin
from common.cursors import Position
from common.errors import DatabaseUnavailable
from model_admin.events.repository import EventRepository, Filters, Row
from tests.fakes.events import LISTED, NOON, dead, erased, event, listed

SECOND = timedelta(seconds=1)
ORIGIN = Origin(uuid.uuid4(), "request-1", "192.0.2.1")


class Archive(Protocol):
    """What lies around the repository."""

    def add(self, row: Row) -> Row:
        """Store an event; answers it."""

    def add_rows(self, row: Row) -> None:
        """Store the picture and the prediction of a classified event, and note the latter."""

    def remove_prediction(self, row: Row) -> None:
        """Delete the prediction of an event's picture."""

    def remove_image(self, row: Row) -> None:
        """Delete an event's picture with its prediction."""

    def doom(self, row: Row) -> None:
        """An event's object is going to be removed."""

    def retries(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Action, subject and detail of the lines of the audit log, oldest first."""


def ids(rows: list[Row]) -> list[uuid.UUID]:
    return [row["event_id"] for row in rows]


def states(events: EventRepository, rows: list[Row]) -> list[str]:
    """In which state events are now."""
    return [(events.find(row["event_id"]) or {})["state"] for row in rows]


class EventsContract:
    """Subclasses give the fixtures `events`, `archive` and `unreachable_events`."""

    @pytest.fixture
    def ties(self, archive: Archive) -> list[Row]:
        """Twelve events in three instants, newest first, stored in any order."""
        rows = [event(received_at=NOON + SECOND * (number % 3)) for number in range(12)]
        random.Random(0).shuffle(rows)
        for row in rows:
            archive.add(row)
        return sorted(rows, key=lambda row: (row["received_at"], row["event_id"]), reverse=True)

    def test_listed_fields(self, events: EventRepository, archive: Archive) -> None:
        """A listed event has exactly the fields of the list, as they are stored."""
        row = archive.add(dead("too_large"))
        (found,) = events.page(Filters(), 10, None)
        assert tuple(found) == LISTED
        assert found == {name: row[name] for name in LISTED}

    def test_pages(self, events: EventRepository, ties: list[Row]) -> None:
        """Pages of any size, one behind the other, are the whole list, newest first."""
        assert ids(events.page(Filters(), 100, None)) == ids(ties)
        for size in (1, 5):
            seen: list[uuid.UUID] = []
            after = None
            while rows := events.page(Filters(), size, after):
                seen += ids(rows)
                after = Position(rows[-1]["received_at"], rows[-1]["event_id"])
            assert seen == ids(ties)

    def test_filters(self, events: EventRepository, archive: Archive) -> None:
        """State, fault and owner narrow the list, alone and together."""
        ada = uuid.uuid4()
        gone, huge, waiting = (
            archive.add(row) for row in (
                dead("gone", user_id=ada), dead("too_large"), event(user_id=ada)))
        archive.add(event(user_id=None, state="done"))
        for filters, wanted in (
                (Filters(state="dead"), [gone, huge]), (Filters(fault="too_large"), [huge]),
                (Filters(user_id=ada), [gone, waiting]),
                (Filters("dead", "gone", ada), [gone]), (Filters("pending", "gone"), []),
                (Filters(user_id=uuid.uuid4()), [])):
            assert set(ids(events.page(filters, 10, None))) == set(ids(wanted))

    def test_find(self, events: EventRepository, archive: Archive) -> None:
        """An event is found with all that is known of it, but for the token of its lease."""
        row = archive.add(dead("not_a_picture", sequencer="18A", version_id="v",
                               object_modified=NOON, announced_by="sweep", unlikely=True))
        assert events.find(row["event_id"]) == row
        assert events.find(uuid.uuid4()) is None

    def test_retry(self, events: EventRepository, archive: Archive) -> None:
        """A dead event is due at once and begins anew, as the audit log tells."""
        row, other = archive.add(dead()), archive.add(dead())
        assert events.retry(row["event_id"], ORIGIN)
        found = events.find(row["event_id"])
        assert found is not None
        due_at = found.pop("due_at")
        assert abs(due_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
        assert found == {
            **{name: row[name] for name in found}, "state": "pending", "fault": None,
            "attempts": 0, "finished_at": None}
        assert states(events, [other]) == ["dead"]
        assert archive.retries() == [
            ("event.retry", str(row["event_id"]), {"fault": "exhausted"})]

    @pytest.mark.parametrize("state", ["pending", "classified", "done", "superseded"])
    def test_only_dead_ones_are_retried(
        self, events: EventRepository, archive: Archive, state: str
    ) -> None:
        """What is not dead is left as it is, and so is what is not there."""
        row = archive.add(event(state=state))
        assert not events.retry(row["event_id"], ORIGIN)
        assert not events.retry(uuid.uuid4(), ORIGIN)
        assert events.find(row["event_id"]) == row
        assert archive.retries() == []

    @pytest.mark.parametrize("state", ["pending", "classified"])
    def test_object_that_is_being_dealt_with(
        self, events: EventRepository, archive: Archive, state: str
    ) -> None:
        """A dead event waits as long as another one of its object is open, however retried."""
        row = archive.add(dead(sequencer="1"))
        archive.add(event(
            object_key=row["object_key"], etag=row["etag"], sequencer="2", state=state))
        assert not events.retry(row["event_id"], ORIGIN)
        assert events.retry_many(None, None, None, ORIGIN) == 0
        assert states(events, [row]) == ["dead"]
        assert archive.retries() == []

    def test_overwritten_object(self, events: EventRepository, archive: Archive) -> None:
        """Another object under the same key, or one that is done with, holds nothing up."""
        row = archive.add(dead(sequencer="1"))
        archive.add(event(object_key=row["object_key"]))
        archive.add(event(
            object_key=row["object_key"], etag=row["etag"], sequencer="2", state="done"))
        assert events.retry(row["event_id"], ORIGIN)

    def test_retry_all(self, events: EventRepository, archive: Archive) -> None:
        """Every dead event is retried, nothing else is touched, and one line tells of all."""
        given = [archive.add(dead(received_at=NOON + SECOND * number)) for number in range(3)]
        done = archive.add(event(state="done"))
        assert events.retry_many(None, None, None, ORIGIN) == 3
        assert states(events, [*given, done]) == ["pending"] * 3 + ["done"]
        ((action, subject, detail),) = archive.retries()
        assert (action, subject, set(detail)) == ("event.retry", "3 events", {"events"})
        assert set(detail["events"]) == {str(each) for each in ids(given)}
        assert events.retry_many(None, None, None, ORIGIN) == 0
        assert len(archive.retries()) == 1

    def test_retry_some(self, events: EventRepository, archive: Archive) -> None:
        """Fault and owner choose, and a limit takes those that came in first."""
        ada = uuid.uuid4()
        rows = [archive.add(dead(fault, user_id=user_id, received_at=NOON + SECOND * number))
                for number, (fault, user_id) in enumerate([
                    ("gone", ada), ("exhausted", ada), ("exhausted", None), ("exhausted", ada),
                    ("exhausted", ada)])]
        assert events.retry_many("exhausted", ada, 2, ORIGIN) == 2
        assert states(events, rows) == ["dead", "pending", "dead", "pending", "dead"]
        ((_, _, detail),) = archive.retries()
        assert (detail["fault"], detail["user_id"], detail["limit"]) == (
            "exhausted", str(ada), 2)
        assert events.retry_many("exhausted", None, None, ORIGIN) == 2
        assert states(events, rows) == ["dead"] + ["pending"] * 4

    def test_retry_of_one_object(self, events: EventRepository, archive: Archive) -> None:
        """Of several dead events of one object the newest is retried."""
        first = archive.add(dead(sequencer="1", received_at=NOON))
        second = archive.add(dead(
            object_key=first["object_key"], etag=first["etag"], sequencer="2",
            received_at=NOON + SECOND))
        assert events.retry_many(None, None, None, ORIGIN) == 1
        assert states(events, [first, second]) == ["dead", "pending"]

    @pytest.mark.parametrize("state", ["pending", "classified", "done", "superseded", "dead"])
    def test_announced_object(
        self, events: EventRepository, archive: Archive, state: str
    ) -> None:
        """An event accounts for its object, however far it is; no other object is its own."""
        row = archive.add(dead() if state == "dead" else event(state=state))
        assert events.count_unannounced([listed(row)]) == 0
        strange = [
            listed(row, etag="0" * 32), listed(row, key=row["object_key"] + "x"),
            listed(row, key=row["object_key"].replace("uploads", "other"))]
        assert events.count_unannounced([*strange, listed(row)]) == 3
        assert events.count_unannounced([]) == 0

    def test_object_of_another_bucket(self, events: EventRepository, archive: Archive) -> None:
        """Events of other buckets account for nothing and are not counted."""
        row = archive.add(event(bucket="models"))
        assert events.count_unannounced([listed(row)]) == 1
        assert events.counts()["events"] == 0

    @pytest.mark.parametrize(("state", "unannounced"), [
        ("pending", 0), ("classified", 0), ("done", 1), ("superseded", 1)])
    def test_object_written_again(
        self, events: EventRepository, archive: Archive, state: str, unannounced: int
    ) -> None:
        """The same bytes written after the event was closed are an object it does not know."""
        row = archive.add(event(state=state, object_modified=NOON))
        assert events.count_unannounced([listed(row, modified=NOON + SECOND * 0.9)]) == 0
        assert events.count_unannounced([listed(row, modified=NOON + SECOND)]) == unannounced

    def test_counts(self, events: EventRepository, archive: Archive) -> None:
        """Events are counted by what became of them."""
        for state, count in (("pending", 1), ("classified", 2), ("done", 3), ("superseded", 4)):
            for _ in range(count):
                archive.add_rows(archive.add(event(state=state)))
        for _ in range(5):
            archive.add(dead())
        assert events.counts() == {
            "events": 15, "classified": 5, "superseded": 4, "pending": 1, "dead": 5, "erased": 0,
            "classified_without_image": 0, "classified_without_prediction": 0}

    def test_counts_of_nothing(self, events: EventRepository, archive: Archive) -> None:
        """Without events every count is 0."""
        assert set(events.counts().values()) == {0}

    @pytest.mark.parametrize("state", ["classified", "done"])
    def test_missing_rows(
        self, events: EventRepository, archive: Archive, state: str
    ) -> None:
        """A classified event without its picture, or without its prediction, is counted."""
        complete, no_image, no_prediction, _ = (
            archive.add(event(state=state)) for _ in range(4))
        for row in (complete, no_image, no_prediction):
            archive.add_rows(row)
        archive.remove_image(no_image)
        archive.remove_prediction(no_prediction)
        counts = events.counts()
        assert (counts["classified"], counts["classified_without_image"],
                counts["classified_without_prediction"]) == (4, 2, 1)

    def test_erased(self, events: EventRepository, archive: Archive) -> None:
        """What was erased is counted as such, and nothing is missing of it."""
        row = archive.add(erased())
        assert events.counts()["erased"] == 1
        assert events.counts()["classified_without_image"] == 0
        assert not events.retry(row["event_id"], ORIGIN)
        assert events.retry_many(None, None, None, ORIGIN) == 0
        assert ids(events.page(Filters(state="erased"), 10, None)) == ids([row])

    def test_object_that_is_going_to_be_removed(
        self, events: EventRepository, archive: Archive
    ) -> None:
        """Nobody waits for what was erased; other bytes under its key are another object."""
        row = event()
        archive.doom(row)
        assert events.count_unannounced([listed(row)]) == 0
        assert events.count_unannounced([listed(row, etag="0" * 32)]) == 1

    def test_unreachable(self, unreachable_events: EventRepository) -> None:
        """Without the database every method says so."""
        for attempt in (
            lambda: unreachable_events.page(Filters(), 1, None),
            lambda: unreachable_events.find(uuid.uuid4()),
            lambda: unreachable_events.retry(uuid.uuid4(), ORIGIN),
            lambda: unreachable_events.retry_many(None, None, None, ORIGIN),
            lambda: unreachable_events.count_unannounced([listed(event())]),
            unreachable_events.counts,
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()
