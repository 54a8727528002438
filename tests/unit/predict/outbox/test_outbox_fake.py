"""The outbox in memory keeps the contract."""
from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

from tests.contracts.outbox import SINK_URL, OutboxContract
from tests.fakes.outbox import DAY_SECONDS, InMemoryOutbox


class PublisherInMemory:
    """Works on the dictionaries."""

    def __init__(self, outbox: InMemoryOutbox) -> None:
        self.outbox = outbox

    def register(self, url: str, secret: str, *event_types: str) -> uuid.UUID:
        return self.outbox.register(url, secret, *event_types)

    def unregister(self, webhook_id: uuid.UUID) -> None:
        self.outbox.unregister(webhook_id)

    def publish(self, event_type: str, subject: str, data: dict[str, Any], has_sink: bool) -> None:
        self.outbox.publish(event_type, subject, data, has_sink)

    def age(self, days: float) -> None:
        for each in self.outbox.entries.values():
            each.created_at -= days * DAY_SECONDS
            each.due_at -= days * DAY_SECONDS

    def reasons(self) -> list[tuple[str, str | None]]:
        return [(each.state, each.reason) for each in self.outbox.entries.values()]


class TestInMemoryOutbox(OutboxContract):
    """The fake."""

    @pytest.fixture
    def outbox(self) -> InMemoryOutbox:
        return InMemoryOutbox(SINK_URL, itertools.count(0, 0.001).__next__)

    @pytest.fixture
    def outbox_without_sink(self, outbox: InMemoryOutbox) -> InMemoryOutbox:
        twin = InMemoryOutbox("", outbox.clock)
        twin.webhooks, twin.entries = outbox.webhooks, outbox.entries
        return twin

    @pytest.fixture
    def publisher(self, outbox: InMemoryOutbox) -> PublisherInMemory:
        return PublisherInMemory(outbox)

    @pytest.fixture
    def unreachable_outbox(self) -> InMemoryOutbox:
        outbox = InMemoryOutbox()
        outbox.down = True
        return outbox
