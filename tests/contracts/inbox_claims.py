"""The contract of Inbox for who works on an event, and how that ends: once, whoever dies."""
from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from common.errors import LeaseLost
from predict.inbox.events import found_event
from predict.inbox.repository import Backlog, ClaimedEvent
from tests.contracts.inbox import (
    BUCKET, LEASE, WRITTEN, Office, claimed, classify, event, found)


class InboxClaimsContract:
    """Subclasses give the fixture `office`, as for InboxContract."""

    def test_order(self, office: Office) -> None:
        """The oldest or the newest comes first, and what looks like no picture last."""
        user = office.add_user()
        for name in ("notes.txt", "1.jpg", "2.jpg", "3.jpg"):
            office.inbox.announce([event(user, name)])
        names = [claimed(office.inbox, newest_first=newest).object_key.rsplit("/", 1)[-1]
                 for newest in (True, False, True, False)]
        assert names == ["3.jpg", "1.jpg", "2.jpg", "notes.txt"]

    def test_claimed_by_rivals(self, office: Office) -> None:
        """However many claim at once, each event is one worker's."""
        user = office.add_user()
        office.inbox.announce([event(user, f"{number}.jpg") for number in range(40)])

        def claim(number: int) -> list[uuid.UUID]:
            mine = []
            while (got := office.inbox.claim(LEASE, number % 2 == 1)) is not None:
                mine.append(got.event_id)
            return mine

        with ThreadPoolExecutor(4) as threads:
            got = [each for mine in threads.map(claim, range(4)) for each in mine]
        assert len(got) == len(set(got)) == 40

    def test_lease(self, office: Office) -> None:
        """What a worker holds is nobody else's until its lease has run out; then it is."""
        office.inbox.announce([event(office.add_user())])
        first = claimed(office.inbox, lease_seconds=0)
        second = claimed(office.inbox)
        assert (second.event_id, second.attempts) == (first.event_id, 2)
        assert second.lease_token != first.lease_token
        assert office.inbox.claim(LEASE, False) is None

    def test_lost_lease(self, office: Office) -> None:
        """Who was overtaken can change nothing, least of all record a second prediction."""
        office.inbox.announce([event(office.add_user())])
        first = claimed(office.inbox, lease_seconds=0)
        second = claimed(office.inbox)
        with pytest.raises(LeaseLost):
            classify(office, first)
        office.inbox.bury(first, "not_a_picture", "why")
        office.inbox.supersede(first, "why")
        office.inbox.retry(first, "why", 0, excused=False)
        assert office.states() == [("pending", None)]
        classify(office, second)
        office.inbox.removed(first)
        assert office.states() == [("classified", None)]

    def test_retry(self, office: Office) -> None:
        """An event put back is due again after its delay; an excused attempt does not count."""
        office.inbox.announce([event(office.add_user())])
        office.inbox.retry(claimed(office.inbox), "an outage", 0, excused=True)
        got = claimed(office.inbox)
        assert got.attempts == 1
        office.inbox.retry(got, "a failure", 0, excused=False)
        got = claimed(office.inbox)
        assert got.attempts == 2
        office.inbox.retry(got, "a failure", 60, excused=False)
        assert office.inbox.claim(LEASE, False) is None
        assert office.inbox.backlog() == Backlog(1, 0)

    def test_bury(self, office: Office) -> None:
        """What is given up is counted, told to the outside, and claimed no more."""
        office.inbox.announce([event(office.add_user())])
        got = claimed(office.inbox, lease_seconds=0)
        office.inbox.bury(got, "not_a_picture", "The file is no picture.", WRITTEN)
        assert office.states() == [("dead", "not_a_picture")]
        assert office.told() == [got.event_id]
        assert office.inbox.claim(LEASE, False) is None
        assert office.inbox.backlog() == Backlog(0, 1)

    def test_tidying_up_is_taken_over(self, office: Office) -> None:
        """A worker that dies before it removes the upload leaves that to the next."""
        office.inbox.announce([event(office.add_user())])
        classify(office, claimed(office.inbox, lease_seconds=0))
        got = claimed(office.inbox)
        assert (got.is_classified, got.object_modified, got.etag) == (True, WRITTEN, "e" * 32)
        office.inbox.removed(got)
        assert office.inbox.claim(LEASE, False) is None
        assert office.states() == [("done", None)]

    def test_two_events_of_one_object(self, office: Office) -> None:
        """An object is classified once, whatever events tell of it."""
        user = office.add_user()
        office.inbox.announce([event(user, etag="")])
        office.inbox.adopt([found(user)])
        first, second = claimed(office.inbox), claimed(office.inbox)
        classify(office, replace(first, etag="e" * 32))
        with pytest.raises(LeaseLost):
            classify(office, replace(second, etag="e" * 32))
        office.inbox.supersede(second, "why")
        assert sorted(office.states()) == [("classified", None), ("superseded", None)]

    def test_two_events_of_one_object_by_rivals(self, office: Office) -> None:
        """Of two who record the same object at once, one succeeds."""
        user = office.add_user()
        for number in range(10):
            name = f"{number}.jpg"
            office.inbox.announce([event(user, name, etag="")])
            office.inbox.adopt([found_event(
                BUCKET, f"uploads/{user}/{name}", "e" * 32, 1000, WRITTEN)])

        def record_one(got: ClaimedEvent) -> int:
            try:
                classify(office, replace(got, etag="e" * 32))
                return 1
            except LeaseLost:
                return 0

        got = [claimed(office.inbox) for _ in range(20)]
        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(record_one, got)) == 10

    def test_accounted_for(self, office: Office) -> None:
        """An event whose object is gone is accounted for by one that was classified since."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        first = claimed(office.inbox)
        assert not office.inbox.is_accounted_for(first, first.etag)
        office.inbox.announce([event(user, etag="f" * 32, sequencer="18A2")])
        second = claimed(office.inbox)
        classify(office, second, WRITTEN + timedelta(seconds=1))
        assert office.inbox.is_accounted_for(first, first.etag)
        office.inbox.announce([event(
            user, etag="0" * 32, sequencer="18A3", written_at=WRITTEN + timedelta(minutes=1))])
        third = claimed(office.inbox)
        assert not office.inbox.is_accounted_for(third, third.etag)
