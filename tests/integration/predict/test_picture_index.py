"""The index of pictures and the lock of the sweep on a real PostgreSQL keep their contracts."""
from __future__ import annotations

import time
import uuid
from contextlib import suppress
from datetime import datetime

import pytest

from common.config import Settings
from common.db import Database
from common.errors import DatabaseUnavailable
from predict.inbox.picture_index import PictureIndex, PostgresPictureIndex
from predict.inbox.sweep_lock import PostgresSweepLock
from tests.contracts.picture_index import (
    STORED, Album, PictureIndexContract, SweepLockContract)
from tests.databases import query
from tests.environments import settings
from tests.proxies import CuttingProxy


class AlbumInPostgres:
    """Pictures in a table."""

    def __init__(self, database: Database, database_settings: Settings) -> None:
        self._settings = database_settings
        self.index: PictureIndex = PostgresPictureIndex(database)

    def add(self, key: str, created_at: datetime = STORED) -> None:
        query(self._settings, """
            WITH owner AS (INSERT INTO users (email) VALUES (%s) RETURNING user_id)
            INSERT INTO images (user_id, filename, object_key, content_type, size_bytes, sha256,
                                width, height, source, created_at)
            SELECT user_id, 'cup.jpg', %s, 'image/jpeg', 1, sha256(''), 1, 1, 'http', %s FROM owner
        """, f"{uuid.uuid4()}@example.org", key, created_at)

    def expect(self, event_id: uuid.UUID, state: str = "pending") -> None:
        query(self._settings, """
            INSERT INTO storage_events (event_id, bucket, object_key, announced_by, state, fault)
            VALUES (%s, 'images', %s, 'sweep', %s, CASE WHEN %s = 'dead' THEN 'exhausted' END)
        """, event_id, f"uploads/{event_id}", state, state)

    def erase(self, image_id: uuid.UUID) -> None:
        query(self._settings, "INSERT INTO erasures (kind, subject_id, due_at) "
              "VALUES ('image', %s, now())", image_id)

    def doom(self, key: str) -> None:
        query(self._settings, """
            WITH erasure AS (
                INSERT INTO erasures (kind, subject_id, due_at)
                VALUES ('user', gen_random_uuid(), now()) RETURNING erasure_id)
            INSERT INTO objects_to_remove (erasure_id, object_key)
            SELECT erasure_id, %s FROM erasure""", key)

    def missing(self) -> dict[str, datetime]:
        rows = query(self._settings, "SELECT object_key, missing_since FROM images "
                     "WHERE missing_since IS NOT NULL")
        return {row["object_key"]: row["missing_since"] for row in rows}


class TestPostgresPictureIndex(PictureIndexContract):
    """The real adapter."""

    @pytest.fixture
    def album(self, database: Database, database_settings: Settings) -> Album:
        return AlbumInPostgres(database, database_settings)

    @pytest.fixture
    def unreachable_index(self) -> PostgresPictureIndex:
        return PostgresPictureIndex(Database(settings(), size=1))


class TestPostgresSweepLock(SweepLockContract):
    """The real adapter; another process has another pool of connections."""

    @pytest.fixture
    def lock(self, database: Database) -> PostgresSweepLock:
        return PostgresSweepLock(database)

    @pytest.fixture
    def rival(self, database_settings: Settings) -> PostgresSweepLock:
        return PostgresSweepLock(Database(database_settings, size=1))

    @pytest.fixture
    def unreachable_lock(self) -> PostgresSweepLock:
        return PostgresSweepLock(Database(settings(), size=1))


def behind(proxy: CuttingProxy, database_settings: Settings) -> PostgresSweepLock:
    """A lock whose connections can be cut."""
    return PostgresSweepLock(Database(Settings(**{
        **vars(database_settings), "postgres_host": proxy.host, "postgres_port": proxy.port,
        "postgres_sslmode": "disable"}), size=1))


def test_lock_ends_with_its_connection(database: Database, database_settings: Settings) -> None:
    """A process that dies, or is cut off, keeps nobody from sweeping."""
    with CuttingProxy(
            database_settings.postgres_host, database_settings.postgres_port) as proxy:
        with suppress(DatabaseUnavailable), behind(proxy, database_settings).attempt() as theirs:
            assert theirs
            proxy.cut_all()
            deadline, mine = time.monotonic() + 20, False
            while not mine:
                assert time.monotonic() < deadline
                with PostgresSweepLock(database).attempt() as mine:
                    time.sleep(0.01)


def test_lock_is_cut_off(database_settings: Settings) -> None:
    """Who loses the connection while asking for the lock does not have it."""
    with CuttingProxy(
            database_settings.postgres_host, database_settings.postgres_port) as proxy:
        proxy.cut_before(b"pg_try_advisory_lock")
        with pytest.raises(DatabaseUnavailable):
            with behind(proxy, database_settings).attempt():
                raise AssertionError("nobody has the lock")
