"""The outbox on a real PostgreSQL, among rival workers and administrators."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from psycopg2.extras import Json

from common.config import Settings
from common.db import Database
from predict.outbox.repository import PostgresOutbox
from tests.contracts.outbox import (
    LEASE_SECONDS, SINK_URL, OutboxContract, only, publish, register)
from tests.databases import connect, query
from tests.environments import settings
from tests.integration.predict.test_repository import wait_for_lock

PUBLISH = "SELECT publish_event(%s, %s, %s, %s)"


class PublisherInPostgres:
    """Writes past the code under test, but for the function that publishes."""

    def __init__(self, database_settings: Settings) -> None:
        self._settings = database_settings

    def register(self, url: str, secret: str, *event_types: str) -> uuid.UUID:
        (row,) = query(
            self._settings, "INSERT INTO webhooks (url, secret, event_types, created_by) "
            "VALUES (%s, %s, %s, gen_random_uuid()) RETURNING webhook_id",
            url, secret, [*event_types])
        webhook_id: uuid.UUID = row["webhook_id"]
        return webhook_id

    def unregister(self, webhook_id: uuid.UUID) -> None:
        query(self._settings, "DELETE FROM webhooks WHERE webhook_id = %s", webhook_id)

    def publish(self, event_type: str, subject: str, data: dict[str, Any], has_sink: bool) -> None:
        query(self._settings, PUBLISH, event_type, subject, Json(data), has_sink)

    def age(self, days: float) -> None:
        query(self._settings, "UPDATE outbox SET created_at = created_at - %s::interval, "
              "due_at = due_at - %s::interval", *[f"{days} days"] * 2)

    def reasons(self) -> list[tuple[str, str | None]]:
        rows = query(self._settings, "SELECT state, reason FROM outbox ORDER BY created_at")
        return [(row["state"], row["reason"]) for row in rows]


@pytest.fixture
def publisher(database_settings: Settings) -> PublisherInPostgres:
    return PublisherInPostgres(database_settings)


@pytest.fixture
def outbox(database: Database) -> PostgresOutbox:
    return PostgresOutbox(database, SINK_URL)


class TestPostgresOutbox(OutboxContract):
    """The real adapter."""

    @pytest.fixture
    def outbox_without_sink(self, database: Database) -> PostgresOutbox:
        return PostgresOutbox(database)

    @pytest.fixture
    def unreachable_outbox(self) -> PostgresOutbox:
        return PostgresOutbox(Database(settings(), size=1), SINK_URL)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as running:
        yield running


def test_rivals(
    outbox: PostgresOutbox, publisher: PublisherInPostgres, threads: ThreadPoolExecutor
) -> None:
    """However many claim at once, each delivery is one worker's, and none is left out."""
    register(publisher)
    for number in range(60):
        publish(publisher, str(number))
    receiver = only(outbox)

    def claim_all(_worker: int) -> list[str]:
        found = []
        while batch := outbox.claim(receiver, 3, LEASE_SECONDS):
            found += [each.subject for each in batch]
        return found

    shares = list(threads.map(claim_all, range(4)))
    while outbox.receivers(1):  # a rival's lock may have hidden some from the others' last look
        shares.append(claim_all(0))
    assert sorted(sum(shares, []), key=int) == [str(number) for number in range(60)]


def test_published_while_a_webhook_is_removed(
    outbox: PostgresOutbox, publisher: PublisherInPostgres, database_settings: Settings,
    threads: ThreadPoolExecutor,
) -> None:
    """Removing a webhook never fails the transaction that publishes; it is told nothing more."""
    removed, kept = register(publisher), register(publisher)
    with closing(connect(database_settings)) as rival:
        rival.autocommit = False
        with rival.cursor() as cursor:
            cursor.execute("DELETE FROM webhooks WHERE webhook_id = %s", (removed,))
        published = threads.submit(publish, publisher)
        wait_for_lock(database_settings)
        rival.commit()
        published.result(20)
    assert only(outbox).receiver_id == kept


def test_removed_while_something_is_published(
    outbox: PostgresOutbox, publisher: PublisherInPostgres, database_settings: Settings,
    threads: ThreadPoolExecutor,
) -> None:
    """A webhook is removed with what was published to it in the very moment."""
    removed = register(publisher)
    with closing(connect(database_settings)) as rival:
        rival.autocommit = False
        with rival.cursor() as cursor:
            cursor.execute(PUBLISH, ("imgclass.prediction.created", "1", Json({}), False))
        removal = threads.submit(publisher.unregister, removed)
        wait_for_lock(database_settings)
        rival.commit()
        removal.result(20)
    assert outbox.backlog() == []


def test_published_in_vain(
    outbox: PostgresOutbox, publisher: PublisherInPostgres, database_settings: Settings
) -> None:
    """An event whose transaction is rolled back was never published."""
    register(publisher)
    with closing(connect(database_settings)) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute(PUBLISH, ("imgclass.prediction.created", "1", Json({}), True))
        connection.rollback()
    assert outbox.backlog() == []
