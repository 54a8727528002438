"""Webhooks and deliveries in PostgreSQL, as administrators see them."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from common.audit import Origin, write_audit
from common.db import Database, load_queries
from common.events import SINK
from model_admin.webhooks.registration import Registration

_queries = load_queries(Path(__file__).with_name("queries.sql"))

# Each is one more row in the transaction of every classification.
MAX_WEBHOOKS = 100
# A bound on how long one statement takes.
MAX_RETRIES = 10_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some of the deliveries there are; `total` counts all."""

    rows: list[Row]
    total: int


class WebhookRepository(Protocol):
    """Keeps webhooks. Every method raises DatabaseUnavailable.

    What changes something leaves a line in the audit log, in the same transaction. Deliveries
    to the sink of the deployment are found under SINK.
    """

    def add(self, registration: Registration, secret: str, origin: Origin) -> Row | None:
        """Register a webhook; None if there are MAX_WEBHOOKS already."""

    def find(self, webhook_id: uuid.UUID) -> Row | None:
        """A webhook with what waits for it and what is wrong with it, but without its secret."""

    def list(self) -> list[Row]:
        """All webhooks so, newest first."""

    def remove(self, webhook_id: uuid.UUID, origin: Origin) -> bool:
        """Tell it nothing more. False if there is none."""

    def deliveries(
        self, receiver_id: uuid.UUID, state: str | None, limit: int, offset: int
    ) -> Page | None:
        """The deliveries in a state or in any, newest first; None if there is no receiver."""

    def retry(
        self, receiver_id: uuid.UUID, delivery_id: uuid.UUID, origin: Origin
    ) -> Row | None:
        """Have a delivery attempted now; as it stands then, or None if there is none.

        One that is being attempted stays as it is.
        """

    def retry_dead(self, receiver_id: uuid.UUID, origin: Origin) -> int | None:
        """Have those attempted now that were given up, oldest first, MAX_RETRIES at most.

        Answers how many, or None if there is no receiver.
        """


class PostgresWebhookRepository:
    """WebhookRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, registration: Registration, secret: str, origin: Origin) -> Row | None:
        with self._database.transaction() as connection:
            added = _queries.insert_webhook(
                connection, url=registration.url, secret=secret,
                event_types=[*registration.event_types], created_by=origin.actor,
                most=MAX_WEBHOOKS)
            if added is None:
                return None
            write_audit(connection, origin, "webhook.create", str(added["webhook_id"]), {
                "url": registration.url, "event_types": [*registration.event_types]})
            (row,) = _queries.list_webhooks(connection, webhook_id=added["webhook_id"])
        return dict(row)

    def find(self, webhook_id: uuid.UUID) -> Row | None:
        with self._database.transaction() as connection:
            return next(iter(_queries.list_webhooks(connection, webhook_id=webhook_id)), None)

    def list(self) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_webhooks(connection, webhook_id=None)]

    def remove(self, webhook_id: uuid.UUID, origin: Origin) -> bool:
        with self._database.transaction() as connection:
            row = _queries.delete_webhook(connection, webhook_id=webhook_id)
            if row is not None:
                write_audit(connection, origin, "webhook.delete", str(webhook_id), row)
        return row is not None

    def deliveries(
        self, receiver_id: uuid.UUID, state: str | None, limit: int, offset: int
    ) -> Page | None:
        with self._database.transaction() as connection:
            if not _exists(connection, receiver_id):
                return None
            total = _queries.count_deliveries(connection, receiver_id=receiver_id, state=state)
            rows = [*_queries.list_deliveries(
                connection, receiver_id=receiver_id, state=state, limit=limit, offset=offset)]
        return Page(rows, total)

    def retry(
        self, receiver_id: uuid.UUID, delivery_id: uuid.UUID, origin: Origin
    ) -> Row | None:
        key = {"receiver_id": receiver_id, "delivery_id": delivery_id}
        with self._database.transaction() as connection:
            if not _exists(connection, receiver_id):
                return None
            if _queries.retry_delivery(connection, **key):
                _queries.end_pause(connection, receiver_id=receiver_id)
                write_audit(connection, origin, "delivery.retry", str(delivery_id), {
                    "receiver": _name(receiver_id)})
            row: Row | None = _queries.find_delivery(connection, **key)
        return row

    def retry_dead(self, receiver_id: uuid.UUID, origin: Origin) -> int | None:
        with self._database.transaction() as connection:
            if not _exists(connection, receiver_id):
                return None
            count: int = _queries.retry_dead(
                connection, receiver_id=receiver_id, most=MAX_RETRIES)
            if count:
                _queries.end_pause(connection, receiver_id=receiver_id)
                write_audit(connection, origin, "webhook.retry", _name(receiver_id), {
                    "deliveries": count})
        return count


def _exists(connection: Connection, receiver_id: uuid.UUID) -> bool:
    """Whether there is a webhook, which then stays until the end of the transaction."""
    return receiver_id == SINK or _queries.hold_webhook(
        connection, webhook_id=receiver_id) is not None


def _name(receiver_id: uuid.UUID) -> str:
    return "sink" if receiver_id == SINK else str(receiver_id)
