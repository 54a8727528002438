"""Erasures on a real PostgreSQL keep the contract."""
from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.config import Settings
from common.db import Database
from history.erasure.repository import ErasureRepository, PostgresErasures
from history.images.repository import PostgresImageReader
from history.users.repository import PostgresUserReader
from tests.contracts.erasures import ADA, LEASE, ORIGIN, Archive, ErasuresContract
from tests.databases import query
from tests.environments import settings
from tests.fakes.history import image
from tests.integration.history.conftest import AddImage


class ArchiveInPostgres:
    """Pictures and events in tables."""

    def __init__(self, database: Database, own: Settings, add_image: AddImage) -> None:
        self.erasures: ErasureRepository = PostgresErasures(database)
        self._database, self._settings, self._add_image = database, own, add_image

    def add_image(self, user: uuid.UUID) -> tuple[uuid.UUID, str]:
        row = image(user)
        self._add_image(row)
        return row.image_id, row.object_key

    def add_upload(self, user: uuid.UUID) -> None:
        query(self._settings, """
            INSERT INTO storage_events (bucket, object_key, etag, user_id, announced_by, state,
                                        fault)
            VALUES ('images', 'uploads/' || %s || '/notes.txt', 'e', %s, 'sweep', 'dead',
                    'not_a_picture')""", user, user)

    def images(self) -> set[uuid.UUID]:
        return {row["image_id"] for row in query(self._settings, "SELECT image_id FROM images")}

    def audit(self) -> list[tuple[str, str]]:
        rows = query(self._settings, "SELECT * FROM audit_log ORDER BY audit_id")
        for row in rows:
            if row["action"].endswith(".delete"):
                assert (row["actor"], row["request_id"], row["remote_address"]) == (
                    ORIGIN.actor, ORIGIN.request_id, ORIGIN.remote_address)
        return [(row["action"], row["subject"]) for row in rows]

    def was_erased(self, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        if kind == "user":
            return PostgresUserReader(self._database).was_erased(subject_id)
        return PostgresImageReader(self._database).was_erased(subject_id, owner)


@pytest.fixture
def archive(
    database: Database, database_settings: Settings, add_image: AddImage
) -> ArchiveInPostgres:
    for statement in ("ALTER TABLE audit_log DISABLE TRIGGER ALL", "DELETE FROM audit_log",
                      "ALTER TABLE audit_log ENABLE TRIGGER ALL"):
        query(database_settings, statement)
    return ArchiveInPostgres(database, database_settings, add_image)


class TestPostgresErasures(ErasuresContract):
    """The real adapter."""

    @pytest.fixture
    def unreachable_erasures(self) -> PostgresErasures:
        return PostgresErasures(Database(settings(), size=1))

    def test_many_at_once(self, archive: Archive, database_settings: Settings) -> None:
        """Who is erased by several requests at once is erased once."""
        for _ in range(5):
            archive.add_image(ADA)
        together = threading.Barrier(4)

        def erase(_number: int) -> bool:
            together.wait(10)
            return archive.erasures.erase_user(ADA, ORIGIN, LEASE).claim is not None

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(erase, range(4))) == 1
        assert archive.audit() == [("user.delete", str(ADA))]
        assert query(database_settings, "SELECT * FROM users") == []
