"""The contract of Inbox, and of the claims that a prediction repository completes."""
from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Protocol

import pytest

from common.errors import DatabaseUnavailable, LeaseLost
from predict.inbox.events import StorageEvent, found_event
from predict.inbox.repository import Backlog, ClaimedEvent, Inbox
from predict.repository import PredictionRepository, UploadClaim
from tests.records import record

BUCKET = "images"
WRITTEN = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
LEASE = 60.0


class Office(Protocol):
    """An inbox with what is around it; looks at what it keeps, past the inbox."""

    inbox: Inbox
    repository: PredictionRepository

    def add_user(self) -> uuid.UUID:
        """Somebody who exists."""

    def erase_user(self, user: uuid.UUID, at: datetime, is_back: bool) -> None:
        """A user was erased, and came back or not."""

    def doom(self, key: str, etag: str) -> None:
        """An object is going to be removed."""

    def let_pass(self, time: timedelta) -> None:
        """Make everything that is finished older."""

    def states(self) -> list[tuple[str, str | None]]:
        """State and fault of every event, in the order they came."""

    def told(self) -> list[uuid.UUID]:
        """The events given up that were announced to the outside."""


def event(user: uuid.UUID, name: str = "cup.jpg", **changes: object) -> StorageEvent:
    """A picture was put into a user's prefix."""
    plain = StorageEvent(
        BUCKET, f"uploads/{user}/{name}", etag="e" * 32, sequencer="18A1", size=1000,
        written_at=WRITTEN, content_type="image/jpeg")
    return replace(plain, **changes)  # type: ignore[arg-type]  # names of fields, by tests


def found(user: uuid.UUID, modified: datetime = WRITTEN, etag: str = "e" * 32) -> StorageEvent:
    """The same picture, found in the bucket."""
    return found_event(BUCKET, f"uploads/{user}/cup.jpg", etag, 1000, modified)


def claimed(
    inbox: Inbox, lease_seconds: float = LEASE, newest_first: bool = False
) -> ClaimedEvent:
    event = inbox.claim(lease_seconds, newest_first)
    assert event is not None
    return event


def claim_of(
    event: ClaimedEvent, modified: datetime = WRITTEN, keep: bool = False
) -> UploadClaim:
    """What is recorded of a claimed event with its prediction."""
    return UploadClaim(event.event_id, event.lease_token, event.etag, modified, keep)


def classify(
    office: Office, event: ClaimedEvent, modified: datetime = WRITTEN, keep: bool = False
) -> uuid.UUID:
    """Record a prediction for a claimed event."""
    assert event.user_id is not None
    return office.repository.record(
        record(image_id=event.event_id, user_id=event.user_id, email=None, source="bucket",
               object_key=f"2026/01/31/{event.event_id}.jpg"),
        claim_of(event, modified, keep))


class InboxContract:
    """Subclasses give the fixtures `office` and `unreachable_inbox`."""

    def test_announce_and_claim(self, office: Office) -> None:
        """What was announced is claimed as it was told, once."""
        user = office.add_user()
        assert office.inbox.announce([event(user)]) == 1
        got = claimed(office.inbox)
        assert (got.object_key, got.etag, got.version_id) == (
            f"uploads/{user}/cup.jpg", "e" * 32, "")
        assert (got.size_bytes, got.user_id, got.owner_known) == (1000, user, True)
        assert (got.attempts, got.is_classified, got.object_modified) == (1, False, None)
        assert office.inbox.claim(LEASE, False) is None

    def test_any_key(self, office: Office) -> None:
        """Keys may hold what file names may, and many may come at once."""
        user = office.add_user()
        names = ["a b.jpg", "a+b%20.jpg", "Größe 寸法 📷.jpg", "'; --.jpg", "{,}\\\"", "n" * 900]
        assert office.inbox.announce([event(user, name) for name in names]) == len(names)
        got = {claimed(office.inbox).object_key for _ in names}
        assert got == {f"uploads/{user}/{name}" for name in names}

    def test_nothing(self, office: Office) -> None:
        """Of nothing, nothing comes."""
        assert (office.inbox.announce([]), office.inbox.adopt([])) == (0, 0)
        assert office.inbox.claim(LEASE, True) is None
        assert office.inbox.backlog() == Backlog(0, 0)

    def test_repeated(self, office: Office) -> None:
        """An event that comes again changes nothing: at once, later, or when all is done."""
        user = office.add_user()
        assert office.inbox.announce([event(user), event(user)]) == 1
        assert office.inbox.announce([event(user)]) == 0
        got = claimed(office.inbox)
        assert office.inbox.announce([event(user)]) == 0
        classify(office, got)
        assert office.inbox.announce([event(user)]) == 0
        office.inbox.removed(got)
        assert office.inbox.announce([event(user)]) == 0
        assert office.states() == [("done", None)]

    def test_announced_by_rivals(self, office: Office) -> None:
        """Who announces the same in the same moment, in any order, announces it once."""
        user = office.add_user()
        events = [event(user, f"{number}.jpg") for number in range(30)]

        def announce(number: int) -> int:
            return office.inbox.announce(events if number % 2 else events[::-1])

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(announce, range(8))) == 30
        assert office.inbox.backlog() == Backlog(30, 0)

    def test_overwritten(self, office: Office) -> None:
        """Other bytes under the same key are another event, also while the first waits."""
        user = office.add_user()
        assert office.inbox.announce([event(user)]) == 1
        assert office.inbox.announce([event(user, etag="f" * 32, sequencer="18A2")]) == 1

    def test_written_again_while_open(self, office: Office) -> None:
        """The same bytes under the same key, while the first are dealt with, are the same."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        assert office.inbox.announce([event(user, sequencer="18A2")]) == 0
        assert office.inbox.adopt([found(user)]) == 0

    def test_written_again(self, office: Office) -> None:
        """The same bytes under the same key within a day are a client's second attempt."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        first = claimed(office.inbox)
        classify(office, first)
        office.inbox.removed(first)
        assert office.inbox.announce([event(user, sequencer="18A2")]) == 1
        second = claimed(office.inbox)
        with pytest.raises(LeaseLost):
            classify(office, second)
        assert office.inbox.is_accounted_for(second, second.etag)
        office.inbox.supersede(second, "repeated")
        assert office.states() == [("done", None), ("superseded", None)]

    def test_written_again_after_a_day(self, office: Office) -> None:
        """The same bytes under the same key a day later are a new picture."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        first = claimed(office.inbox)
        classify(office, first)
        office.inbox.removed(first)
        office.let_pass(timedelta(days=1))
        assert office.inbox.announce([event(user, sequencer="18A2")]) == 1
        classify(office, claimed(office.inbox))
        assert office.states() == [("done", None), ("classified", None)]

    def test_adopted(self, office: Office) -> None:
        """An object nobody announced is taken in once; its late event changes nothing."""
        user = office.add_user()
        assert office.inbox.adopt([found(user)]) == 1
        assert office.inbox.adopt([found(user)]) == 0
        assert office.inbox.announce([event(user)]) == 0
        got = claimed(office.inbox)
        assert (got.etag, got.size_bytes, got.user_id) == ("e" * 32, 1000, user)

    def test_adopted_again(self, office: Office) -> None:
        """What was removed and lies there again was put there again."""
        user = office.add_user()
        office.inbox.adopt([found(user)])
        got = claimed(office.inbox)
        classify(office, got)
        office.inbox.removed(got)
        later = WRITTEN + timedelta(milliseconds=3)
        assert office.inbox.adopt([found(user, later)]) == 1

    def test_kept_uploads_are_not_adopted(self, office: Office) -> None:
        """What was classified and left in its place is no find; what replaced it is."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        classify(office, claimed(office.inbox), keep=True)
        assert office.states() == [("done", None)]
        assert office.inbox.adopt([found(user, WRITTEN + timedelta(milliseconds=900))]) == 0
        assert office.inbox.adopt([found(user, WRITTEN + timedelta(seconds=1))]) == 1

    @pytest.mark.parametrize(("fault", "adopted"), [
        ("not_a_picture", 0), ("too_large", 0), ("unknown_user", 0), ("exhausted", 0),
        ("gone", 1)])
    def test_dead_uploads_are_not_adopted(
        self, office: Office, fault: str, adopted: int
    ) -> None:
        """What was given up stays given up, unless it was not there and now is."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        office.inbox.bury(claimed(office.inbox), fault, "why")  # type: ignore[arg-type]
        assert office.inbox.adopt([found(user)]) == adopted

    def test_dead_and_replaced(self, office: Office) -> None:
        """What was put in the place of something given up is looked at."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        office.inbox.bury(claimed(office.inbox), "not_a_picture", "why", WRITTEN)
        assert office.inbox.adopt([found(user, WRITTEN + timedelta(minutes=1))]) == 1
        assert office.inbox.adopt([found(user, etag="f" * 32)]) == 1

    def test_unknown_owner(self, office: Office) -> None:
        """It is known of an event whether its user exists, and whether it names one at all."""
        stranger = uuid.uuid4()
        office.inbox.announce([event(stranger)])
        got = claimed(office.inbox)
        assert (got.user_id, got.owner_known) == (stranger, False)
        office.inbox.announce([event(stranger, key="uploads/somebody/cup.jpg")])
        got = claimed(office.inbox)
        assert (got.user_id, got.owner_known) == (None, False)

    def test_other_buckets(self, office: Office) -> None:
        """The events of another bucket are another inbox's."""
        office.inbox.announce([event(office.add_user(), bucket="other")])
        assert office.inbox.claim(LEASE, False) is None

    def test_unreachable(self, unreachable_inbox: Inbox) -> None:
        """Whatever is asked of an inbox that does not answer, the error says so."""
        user = uuid.uuid4()
        ghost = ClaimedEvent(
            uuid.uuid4(), uuid.uuid4(), "key", "", "", None, None, user, True, False, 1, WRITTEN)
        for attempt in (
            lambda: unreachable_inbox.announce([event(user)]),
            lambda: unreachable_inbox.adopt([found(user)]),
            lambda: unreachable_inbox.claim(LEASE, False),
            lambda: unreachable_inbox.removed(ghost),
            lambda: unreachable_inbox.retry(ghost, "why", 0, excused=False),
            lambda: unreachable_inbox.supersede(ghost, "why"),
            lambda: unreachable_inbox.bury(ghost, "gone", "why"),
            lambda: unreachable_inbox.blank(ghost),
            lambda: unreachable_inbox.is_accounted_for(ghost, ""),
            lambda: unreachable_inbox.forget_ended(30),
            unreachable_inbox.backlog,
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()
