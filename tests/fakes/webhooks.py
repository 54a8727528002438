"""Webhooks in memory, as administrators see them."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from common.audit import Origin
from common.errors import DatabaseUnavailable
from common.events import SINK
from model_admin.webhooks.registration import Registration
from model_admin.webhooks.repository import MAX_RETRIES, MAX_WEBHOOKS, Page, Row

# The class below has a method of that name.
Rows = list[Row]

START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@dataclass
class Failing:
    """A receiver that is left alone."""

    failures: int
    reason: str
    paused_until: datetime


class InMemoryWebhooks:
    """WebhookRepository in dictionaries; `down` makes it unreachable.

    The deliveries are rows as they are shown; `under_way` are the ids of those attempted now.
    """

    def __init__(self) -> None:
        self.webhooks: dict[uuid.UUID, Row] = {}
        self.secrets: dict[uuid.UUID, str] = {}
        self.outbox: dict[uuid.UUID, tuple[uuid.UUID, Row]] = {}
        self.failing: dict[uuid.UUID, Failing] = {}
        self.under_way: set[uuid.UUID] = set()
        self.audit: list[tuple[str, str, dict[str, Any]]] = []
        self.down = False

    def add(self, registration: Registration, secret: str, origin: Origin) -> Row | None:
        self._reach()
        if len(self.webhooks) >= MAX_WEBHOOKS:
            return None
        webhook_id = uuid.uuid4()
        self.webhooks[webhook_id] = {
            "webhook_id": webhook_id, "url": registration.url,
            "event_types": [*registration.event_types], "created_by": origin.actor,
            "created_at": START + timedelta(seconds=len(self.webhooks))}
        self.secrets[webhook_id] = secret
        self.audit.append(("webhook.create", str(webhook_id), {
            "url": registration.url, "event_types": [*registration.event_types]}))
        return self._row(webhook_id)

    def find(self, webhook_id: uuid.UUID) -> Row | None:
        self._reach()
        return self._row(webhook_id) if webhook_id in self.webhooks else None

    def list(self) -> list[Row]:
        self._reach()
        return [self._row(each) for each in reversed(self.webhooks)]

    def remove(self, webhook_id: uuid.UUID, origin: Origin) -> bool:
        self._reach()
        if webhook_id not in self.webhooks:
            return False
        row = self.webhooks.pop(webhook_id)
        self.failing.pop(webhook_id, None)
        self.outbox = {key: each for key, each in self.outbox.items() if each[0] != webhook_id}
        self.audit.append(("webhook.delete", str(webhook_id), {
            "url": row["url"], "event_types": row["event_types"]}))
        return True

    def deliveries(
        self, receiver_id: uuid.UUID, state: str | None, limit: int, offset: int
    ) -> Page | None:
        self._reach()
        if not self._exists(receiver_id):
            return None
        rows = [row for row in self._to(receiver_id)[::-1] if state in (None, row["state"])]
        return Page([dict(row) for row in rows[offset:offset + limit]], len(rows))

    def retry(
        self, receiver_id: uuid.UUID, delivery_id: uuid.UUID, origin: Origin
    ) -> Row | None:
        self._reach()
        owner, row = self.outbox.get(delivery_id, (None, {}))
        if owner != receiver_id:
            return None
        if delivery_id not in self.under_way:
            self._renew(receiver_id, row)
            self.audit.append(("delivery.retry", str(delivery_id), {
                "receiver": _name(receiver_id)}))
        return dict(row)

    def retry_dead(self, receiver_id: uuid.UUID, origin: Origin) -> int | None:
        self._reach()
        if not self._exists(receiver_id):
            return None
        dead = [row for row in self._to(receiver_id) if row["state"] == "dead"][:MAX_RETRIES]
        for row in dead:
            self._renew(receiver_id, row)
        if dead:
            self.audit.append(("webhook.retry", _name(receiver_id), {"deliveries": len(dead)}))
        return len(dead)

    def _row(self, webhook_id: uuid.UUID) -> Row:
        rows = self._to(webhook_id)
        failing = self.failing.get(webhook_id)
        reasons = [row["reason"] for row in rows if row["reason"]]
        return {
            **self.webhooks[webhook_id],
            "pending": sum(row["state"] == "pending" for row in rows),
            "dead": sum(row["state"] == "dead" for row in rows),
            "failures": failing.failures if failing else 0,
            "problem": failing.reason if failing else next(iter(reasons[::-1]), None),
            "paused_until": failing.paused_until if failing else None}

    def _renew(self, receiver_id: uuid.UUID, row: Row) -> None:
        now = datetime.now(timezone.utc)
        row.update(state="pending", attempts=0, next_attempt_at=now, given_up_at=None)
        if receiver_id in self.failing:
            self.failing[receiver_id].paused_until = now

    def _to(self, receiver_id: uuid.UUID) -> Rows:
        """In the order in which they were published."""
        return [row for owner, row in self.outbox.values() if owner == receiver_id]

    def _exists(self, receiver_id: uuid.UUID) -> bool:
        return receiver_id == SINK or receiver_id in self.webhooks

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


def _name(receiver_id: uuid.UUID) -> str:
    return "sink" if receiver_id == SINK else str(receiver_id)
