"""Webhooks on a real PostgreSQL, among those who deliver."""
from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from common.config import Settings
from common.db import Database
from common.events import EVENT_TYPES, SINK
from model_admin.webhooks.registration import Registration
from model_admin.webhooks.repository import PostgresWebhookRepository
from predict.outbox.repository import PostgresOutbox
from tests.contracts.outbox import LEASE_SECONDS, only
from tests.contracts.webhooks import ADMIN, ORIGIN, SECRET, URL, WebhooksContract, added, found
from tests.databases import connect, query
from tests.environments import settings
from tests.integration.predict.test_repository import wait_for_lock

DELIVER = """
    INSERT INTO outbox (webhook_id, event_id, event_type, subject, data, state, attempts, reason,
                        due_at, lease_token)
    VALUES (%s, gen_random_uuid(), 'imgclass.prediction.created', '1', '{}', %s, %s, %s,
            now() + CASE WHEN %s THEN interval '1 hour' ELSE interval '0' END,
            CASE WHEN %s THEN gen_random_uuid() END)
    RETURNING delivery_id
"""
PAUSE = """
    INSERT INTO failing_receivers (webhook_id, failures, reason, paused_until)
    VALUES (%s, 3, %s, %s)
"""


class DelivererInPostgres:
    """Writes past the code under test."""

    def __init__(self, database_settings: Settings) -> None:
        self._settings = database_settings

    def publish(
        self, receiver_id: uuid.UUID, state: str = "pending", attempts: int = 0,
        reason: str | None = None, leased: bool = False,
    ) -> uuid.UUID:
        (row,) = query(
            self._settings, DELIVER, _webhook_id(receiver_id), state, attempts, reason, leased,
            leased)
        delivery_id: uuid.UUID = row["delivery_id"]
        return delivery_id

    def pause(self, receiver_id: uuid.UUID, reason: str, until: datetime) -> None:
        query(self._settings, PAUSE, _webhook_id(receiver_id), reason, until)

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        rows = query(
            self._settings, "SELECT action, subject, detail FROM audit_log ORDER BY audit_id")
        return [(row["action"], row["subject"], row["detail"]) for row in rows]


def _webhook_id(receiver_id: uuid.UUID) -> uuid.UUID | None:
    return None if receiver_id == SINK else receiver_id


@pytest.fixture
def webhooks(database: Database) -> PostgresWebhookRepository:
    return PostgresWebhookRepository(database)


@pytest.fixture
def deliverer(database_settings: Settings) -> DelivererInPostgres:
    return DelivererInPostgres(database_settings)


class TestPostgresWebhooks(WebhooksContract):
    """The real adapter."""

    @pytest.fixture
    def unreachable_webhooks(self) -> PostgresWebhookRepository:
        return PostgresWebhookRepository(Database(settings(), size=1))

    def test_audit(
        self, webhooks: PostgresWebhookRepository, database_settings: Settings
    ) -> None:
        """The audit log tells who did it, in which request and from where, but no secret."""
        webhooks.remove(added(webhooks), ORIGIN)
        lines = query(database_settings, "SELECT * FROM audit_log")
        assert {(line["actor"], line["request_id"], line["remote_address"])
                for line in lines} == {(ADMIN, "request-1", "192.0.2.1")}
        assert SECRET not in str(lines)

    def test_registered(
        self, webhooks: PostgresWebhookRepository, database: Database,
        database_settings: Settings,
    ) -> None:
        """What is registered here is told there, signed with its secret."""
        webhook_id = added(webhooks)
        query(database_settings, "SELECT publish_event(%s, '1', '{}', false)", EVENT_TYPES[0])
        receiver = only(PostgresOutbox(database))
        assert (receiver.receiver_id, receiver.url, receiver.secret) == (webhook_id, URL, SECRET)

    def test_removed_while_it_is_told(
        self, webhooks: PostgresWebhookRepository, deliverer: DelivererInPostgres,
        database: Database, database_settings: Settings,
    ) -> None:
        """Removing a webhook waits for a statement of those who deliver, and they for it; neither
        fails for the other."""
        webhook_id = added(webhooks)
        for _ in range(20):
            deliverer.publish(webhook_id)
        outbox = PostgresOutbox(database)
        receiver = only(outbox)
        claimed = outbox.claim(receiver, 20, LEASE_SECONDS)
        with ThreadPoolExecutor(2) as threads, closing(connect(database_settings)) as rival:
            rival.autocommit = False
            with rival.cursor() as cursor:
                cursor.execute("SELECT 1 FROM outbox FOR UPDATE")
            removal = threads.submit(webhooks.remove, webhook_id, ORIGIN)
            wait_for_lock(database_settings)
            outbox.release(claimed)
            rival.rollback()
            assert removal.result(20)
        outbox.pause(receiver, "It answered 500.", 60.0)
        assert outbox.receivers(1) == []

    def test_retry_reaches_those_who_deliver(
        self, webhooks: PostgresWebhookRepository, deliverer: DelivererInPostgres,
        database: Database,
    ) -> None:
        """What was given up, to a receiver that is left alone, can be claimed at once."""
        webhook_id = added(webhooks)
        delivery_id = deliverer.publish(webhook_id)
        outbox = PostgresOutbox(database)
        receiver = only(outbox)
        (claimed,) = outbox.claim(receiver, 1, LEASE_SECONDS)
        outbox.note_failure(claimed, "It answered 500.", 60.0, max_attempts=1)
        outbox.pause(receiver, "It answered 500.", 3600.0)
        assert outbox.receivers(1) == [] and found(webhooks, webhook_id)["dead"] == 1
        assert webhooks.retry_dead(webhook_id, ORIGIN) == 1
        assert only(outbox).failures == 1
        (again,) = outbox.claim(receiver, 1, LEASE_SECONDS)
        assert (again.delivery_id, again.attempts) == (delivery_id, 0)

    def test_several_administrators(self, webhooks: PostgresWebhookRepository) -> None:
        """Webhooks that are registered at the same moment do not get in each other's way."""
        with ThreadPoolExecutor(4) as threads:
            rows = [*threads.map(lambda number: webhooks.add(
                Registration(f"{URL}/{number}", EVENT_TYPES), SECRET, ORIGIN), range(8))]
        assert len({row["webhook_id"] for row in rows if row}) == 8
