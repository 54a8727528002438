"""The webhooks in memory keep the contract."""
from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest

from tests.contracts.webhooks import WebhooksContract
from tests.fakes.webhooks import START, Failing, InMemoryWebhooks


class DelivererInMemory:
    """Works on the dictionaries."""

    def __init__(self, webhooks: InMemoryWebhooks) -> None:
        self.webhooks = webhooks

    def publish(
        self, receiver_id: uuid.UUID, state: str = "pending", attempts: int = 0,
        reason: str | None = None, leased: bool = False,
    ) -> uuid.UUID:
        delivery_id = uuid.uuid4()
        self.webhooks.outbox[delivery_id] = receiver_id, {
            "delivery_id": delivery_id, "event_id": uuid.uuid4(),
            "event_type": "imgclass.prediction.created", "subject": "1", "state": state,
            "attempts": attempts, "reason": reason, "created_at": START,
            "next_attempt_at": START if state == "pending" else None,
            "given_up_at": START if state == "dead" else None}
        if leased:
            self.webhooks.under_way.add(delivery_id)
        return delivery_id

    def pause(self, receiver_id: uuid.UUID, reason: str, until: datetime) -> None:
        self.webhooks.failing[receiver_id] = Failing(3, reason, until)

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        return self.webhooks.audit


class TestInMemoryWebhooks(WebhooksContract):
    """The fake."""

    @pytest.fixture
    def webhooks(self) -> InMemoryWebhooks:
        return InMemoryWebhooks()

    @pytest.fixture
    def deliverer(self, webhooks: InMemoryWebhooks) -> DelivererInMemory:
        return DelivererInMemory(webhooks)

    @pytest.fixture
    def unreachable_webhooks(self) -> InMemoryWebhooks:
        webhooks = InMemoryWebhooks()
        webhooks.down = True
        return webhooks
