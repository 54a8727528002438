"""The contract of Inbox for what it forgets after some time."""
from __future__ import annotations

from datetime import timedelta

from tests.contracts.inbox import Office, claimed, classify, event, found


class InboxRetentionContract:
    """Subclasses give the fixture `office`, as for InboxContract."""

    def test_forgotten(self, office: Office) -> None:
        """Events that have ended, and whose objects are gone, are forgotten after their days."""
        user = office.add_user()
        office.inbox.announce([event(user, f"{number}.jpg") for number in range(4)])
        done, superseded, gone, refused = [claimed(office.inbox) for _ in range(4)]
        classify(office, done)
        office.inbox.removed(done)
        office.inbox.supersede(superseded, "why")
        office.inbox.bury(gone, "gone", "why")
        office.inbox.bury(refused, "not_a_picture", "why")
        office.let_pass(timedelta(days=29))
        office.inbox.announce([event(user, "new.jpg")])
        assert office.inbox.forget_ended(30) == 0
        office.let_pass(timedelta(days=2))
        assert office.inbox.forget_ended(30) == 3
        assert office.states() == [("dead", "not_a_picture"), ("pending", None)]

    def test_not_forgotten(self, office: Office) -> None:
        """What accounts for an object in the bucket is kept: nothing is classified again."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        classify(office, claimed(office.inbox), keep=True)
        office.let_pass(timedelta(days=400))
        assert office.inbox.forget_ended(30) == 0
        assert office.inbox.adopt([found(user)]) == 0

    def test_not_forgotten_while_another_may_be_compared(self, office: Office) -> None:
        """An event stays until those of the same key have ended as long ago."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        first = claimed(office.inbox)
        classify(office, first)
        office.inbox.removed(first)
        office.let_pass(timedelta(days=31))
        office.inbox.announce([event(user, sequencer="18A2")])
        assert office.inbox.forget_ended(30) == 0
        second = claimed(office.inbox)
        assert office.inbox.is_accounted_for(second, second.etag)
        office.inbox.supersede(second, "why")
        assert office.inbox.forget_ended(30) == 0
        office.let_pass(timedelta(days=31))
        assert office.inbox.forget_ended(30) == 2
