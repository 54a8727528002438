"""Storage events on a real PostgreSQL, and a real bucket held against them."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from common.config import Settings
from common.db import Database
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from model_admin.events.repository import PostgresEventRepository, Row
from model_admin.events.service import StorageEvents
from tests.contracts.events import ORIGIN, EventsContract, states
from tests.databases import add_model, connect, wait_for_lock
from tests.environments import settings
from tests.fakes.events import BUCKET, NOON, dead, event

ADD_USER = """
    INSERT INTO users (user_id, email) VALUES (%(user_id)s, %(user_id)s::text)
    ON CONFLICT DO NOTHING
"""
ADD_IMAGE = """
    INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes, source)
    VALUES (%(event_id)s, %(user_id)s, 'cup.jpg', %(event_id)s::text, 'image/jpeg', 1000, 'bucket')
"""
ADD_PREDICTION = """
    WITH prediction AS (
        INSERT INTO predictions (image_id, user_id, model_version, predicted_class,
                                 confidence_score, prediction_time_ms, source)
        VALUES (%(event_id)s, %(user_id)s, 'v1', 'espresso', 0.9375, 12, 'bucket')
        RETURNING prediction_id)
    UPDATE storage_events SET prediction_id = prediction.prediction_id FROM prediction
    WHERE event_id = %(event_id)s
"""


class ArchiveInPostgres:
    """Writes events and pictures past the code under test."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: Row) -> Row:
        self._execute(f"INSERT INTO storage_events ({', '.join(row)}) VALUES "
                      f"({', '.join(f'%({name})s' for name in row)})", **row)
        return row

    def add_rows(self, row: Row) -> None:
        for statement in (ADD_USER, ADD_IMAGE, ADD_PREDICTION):
            self._execute(statement, event_id=row["event_id"], user_id=row["user_id"])

    def remove_prediction(self, row: Row) -> None:
        self._execute("DELETE FROM predictions WHERE image_id = %(event_id)s",
                      event_id=row["event_id"])

    def remove_image(self, row: Row) -> None:
        self.remove_prediction(row)
        self._execute("DELETE FROM images WHERE image_id = %(event_id)s",
                      event_id=row["event_id"])

    def doom(self, row: Row) -> None:
        self._execute("""
            WITH erasure AS (
                INSERT INTO erasures (kind, subject_id, due_at)
                VALUES ('image', gen_random_uuid(), now()) RETURNING erasure_id)
            INSERT INTO objects_to_remove (erasure_id, object_key, etag)
            SELECT erasure_id, %(object_key)s, %(etag)s FROM erasure
        """, object_key=row["object_key"], etag=row["etag"])

    def retries(self) -> list[tuple[str, str, dict[str, Any]]]:
        rows = self._execute("SELECT actor, request_id, remote_address, action, subject, detail "
                             "FROM audit_log ORDER BY audit_id")
        for row in rows:
            assert (row["actor"], row["request_id"], row["remote_address"]) == (
                ORIGIN.actor, ORIGIN.request_id, ORIGIN.remote_address)
        return [(row["action"], row["subject"], row["detail"]) for row in rows]

    def _execute(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return [dict(row) for row in cursor] if cursor.description else []


@pytest.fixture
def events(database: Database) -> PostgresEventRepository:
    return PostgresEventRepository(database, BUCKET)


@pytest.fixture
def archive(database: Database, database_settings: Settings) -> ArchiveInPostgres:
    add_model(database_settings, "v1")
    return ArchiveInPostgres(database)


class TestPostgresEvents(EventsContract):
    """The real adapter."""

    @pytest.fixture
    def unreachable_events(self) -> PostgresEventRepository:
        return PostgresEventRepository(Database(settings(), size=1), BUCKET)

    def test_retried_by_many(
        self, events: PostgresEventRepository, archive: ArchiveInPostgres
    ) -> None:
        """Administrators who retry the same events at once retry each of them once."""
        rows = [archive.add(dead()) for _ in range(20)]
        together = threading.Barrier(4)

        def retry(number: int) -> int:
            together.wait(10)
            if number % 2:
                return events.retry_many(None, None, None, ORIGIN)
            return sum(events.retry(row["event_id"], ORIGIN) for row in rows)

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(retry, range(4))) == 20
        assert set(states(events, rows)) == {"pending"}

    @pytest.mark.parametrize("many", [False, True])
    def test_announced_while_it_is_retried(
        self, events: PostgresEventRepository, archive: ArchiveInPostgres,
        database_settings: Settings, many: bool,
    ) -> None:
        """An event of the same object that comes in at that moment keeps the dead one dead."""
        row, other = archive.add(dead(sequencer="1")), archive.add(dead())
        rival = connect(database_settings)
        rival.autocommit = False
        with ThreadPoolExecutor(1) as threads, closing(rival):
            with rival.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO storage_events (bucket, object_key, etag, sequencer, "
                    "announced_by) VALUES (%s, %s, %s, '2', 'sweep')",
                    (BUCKET, row["object_key"], row["etag"]))
            retrying = (
                threads.submit(events.retry_many, None, None, None, ORIGIN) if many
                else threads.submit(events.retry, row["event_id"], ORIGIN))
            wait_for_lock(database_settings)
            rival.commit()
            assert int(retrying.result(20)) == int(many)
        assert states(events, [row, other]) == ["dead", "pending" if many else "dead"]


@pytest.fixture
def pictures(servers: Settings) -> Iterator[S3ObjectStore]:
    """A bucket of the test's own, emptied and removed at the end."""
    client, name = s3_client(servers, connections=2), f"test-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    yield S3ObjectStore(client, name)
    for each in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=each["Key"])
    client.delete_bucket(Bucket=name)


def test_completeness(
    events: PostgresEventRepository, archive: ArchiveInPostgres, pictures: S3ObjectStore
) -> None:
    """Objects are told from one another by what the store lists: their keys, ETags and times."""
    kept, waiting = event(state="done"), event()
    strange = f"uploads/{uuid.uuid4()}/Größe 寸法 📷 a+b&c=d?e#f%20 'x'.jpg"
    for key, data in (
            (kept["object_key"], b"kept"), (waiting["object_key"], b"waiting"),
            (strange, b"unannounced"), ("2026/01/31/picture.jpg", b"classified")):
        pictures.put(key, data, "image/jpeg")
    for row in (kept, waiting):
        (lying,) = pictures.list(row["object_key"])
        archive.add({**row, "etag": lying.etag, "object_modified":
                     lying.modified.replace(microsecond=0)})
    archive.add_rows(kept)
    service = StorageEvents(events, pictures)
    assert service.completeness() == {
        "seen": 3, "classified": 1, "superseded": 0, "pending": 1, "dead": 0, "erased": 0,
        "unannounced": 1, "uploads": 3, "adds_up": True, "differences": {}, "complete": False}
    # The same key with other bytes is an object that nobody has seen yet.
    pictures.put(kept["object_key"], b"overwritten", "image/jpeg")
    assert service.completeness()["unannounced"] == 2
    archive.remove_image(kept)
    report = service.completeness()
    assert (report["adds_up"], report["differences"]) == (
        False, {"classified_without_image": 1})


def test_old_event_beside_a_new_object(
    events: PostgresEventRepository, archive: ArchiveInPostgres, pictures: S3ObjectStore
) -> None:
    """The same bytes put under the same key after a year are to be announced again."""
    row = event(state="done")
    pictures.put(row["object_key"], b"picture", "image/jpeg")
    (lying,) = pictures.list(row["object_key"])
    archive.add({**row, "etag": lying.etag, "object_modified": NOON - timedelta(days=365)})
    assert events.count_unannounced([lying]) == 1
