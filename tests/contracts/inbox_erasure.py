"""The contract of Inbox where users and pictures were erased."""
from __future__ import annotations

from datetime import timedelta

import pytest

from predict.inbox.repository import Backlog
from tests.contracts.inbox import LEASE, WRITTEN, Office, claimed, event, found
from tests.ids import ID


class InboxErasureContract:
    """Subclasses give the fixture `office`."""

    def test_erased_user(self, office: Office) -> None:
        """What comes in of a user who was erased is to be removed, whenever it was written."""
        user = office.add_user()
        office.erase_user(user, WRITTEN, is_back=False)
        for time in (WRITTEN - timedelta(days=1), WRITTEN + timedelta(days=1)):
            office.inbox.announce([event(user, f"{time:%d}.jpg", written_at=time)])
            got = claimed(office.inbox)
            assert (got.is_erased, got.owner_known) == (True, False)
            office.inbox.blank(got)
        assert office.states() == [("erased", None)] * 2
        assert office.inbox.claim(LEASE, False) is None
        assert office.inbox.backlog() == Backlog(0, 0)

    @pytest.mark.parametrize(("name", "seconds", "erased"), [
        ("cup.jpg", -1, True), ("cup.jpg", 6, False),
        (f"{ID}/cup.jpg", 6, True), (f"{ID}/cup.jpg", 601, False)])
    def test_user_who_came_back(
        self, office: Office, name: str, seconds: float, erased: bool
    ) -> None:
        """Of one who came back, what was written before is to be removed, and what was put with
        a form from before; all else is a new picture."""
        user = office.add_user()
        office.erase_user(user, WRITTEN, is_back=True)
        office.inbox.announce([event(
            user, name, written_at=WRITTEN + timedelta(seconds=seconds))])
        got = claimed(office.inbox)
        assert (got.is_erased, got.owner_known) == (erased, True)

    def test_erased_object(self, office: Office) -> None:
        """An object that is going to be removed is not taken in; one announced before is known
        to be erased. Other bytes under its key are another object."""
        user = office.add_user()
        office.inbox.announce([event(user)])
        office.doom(event(user).key, "e" * 32)
        assert office.inbox.announce([event(user, sequencer="18A2")]) == 0
        assert office.inbox.adopt([found(user)]) == 0
        assert office.inbox.announce([event(user, etag="f" * 32)]) == 1
        assert claimed(office.inbox).is_erased
        assert not claimed(office.inbox).is_erased

    def test_blank_of_another(self, office: Office) -> None:
        """Who was overtaken blanks nothing."""
        office.inbox.announce([event(office.add_user())])
        first = claimed(office.inbox, lease_seconds=0)
        claimed(office.inbox)
        office.inbox.blank(first)
        assert office.states() == [("pending", None)]
