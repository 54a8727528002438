"""The inbox in memory, which other tests trust, keeps the contract."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from tests.contracts.inbox import InboxContract, Office
from tests.contracts.inbox_claims import InboxClaimsContract
from tests.contracts.inbox_erasure import InboxErasureContract
from tests.contracts.inbox_retention import InboxRetentionContract
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.repository import InMemoryPredictionRepository


class OfficeInMemory:
    """Both halves of the contract in dictionaries."""

    def __init__(self) -> None:
        self.inbox = InMemoryInbox()
        self.repository = InMemoryPredictionRepository()
        self.repository.complete = self.inbox.complete

    def add_user(self) -> uuid.UUID:
        user = uuid.uuid4()
        self.inbox.users.add(user)
        return user

    def erase_user(self, user: uuid.UUID, at: datetime, is_back: bool) -> None:
        self.inbox.erased[user] = at
        if not is_back:
            self.inbox.users.discard(user)

    def doom(self, key: str, etag: str) -> None:
        self.inbox.doomed.add((key, etag))

    def let_pass(self, time: timedelta) -> None:
        for row in self.inbox.rows.values():
            if row.finished_at is not None:
                row.finished_at -= time

    def states(self) -> list[tuple[str, str | None]]:
        return [(row.state, row.fault) for row in self.inbox.rows.values()]

    def told(self) -> list[uuid.UUID]:
        return self.inbox.told


class TestInMemoryInbox(
    InboxContract, InboxClaimsContract, InboxErasureContract, InboxRetentionContract
):
    """The fake."""

    @pytest.fixture
    def office(self) -> Office:
        return OfficeInMemory()

    @pytest.fixture
    def unreachable_inbox(self) -> InMemoryInbox:
        inbox = InMemoryInbox()
        inbox.down = True
        return inbox
