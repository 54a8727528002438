"""History before a real database and a real object store."""
from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from common.config import Settings
from history.erasure.worker import ErasureWorker
from history.images.repository import Image
from history.predictions.repository import Row
from tests.databases import add_model, connect, query, temporary_database
from tests.fakes.history import image

AddPrediction = Callable[[Row], None]
AddImage = Callable[[Image], None]


@pytest.fixture(scope="module")
def module_settings(servers: Settings, template: str) -> Iterator[Settings]:
    """A database for all tests of a module, which knows the models v1 and v2."""
    with temporary_database(servers, template) as own:
        for version in ("v1", "v2"):
            add_model(own, version)
        yield own


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The same, without users and all that is stored of them: cheaper than one for each test."""
    for table in ("outbox", "uploads", "idempotency_keys", "storage_events", "erasures",
                  "predictions", "backfills", "images", "users"):
        query(module_settings, f"DELETE FROM {table}")
    return module_settings


@pytest.fixture
def rows(database_settings: Settings) -> Iterator[Connection]:
    """A connection past the code under test."""
    with closing(connect(database_settings)) as connection:
        yield connection


@pytest.fixture
def add_image(rows: Connection) -> AddImage:
    """Writes a picture and, if need be, its owner."""
    def add(stored: Image) -> None:
        _insert(rows, "users", {
            "user_id": stored.user_id, "email": f"{stored.user_id}@example.org"})
        _insert(rows, "images", {
            **asdict(stored), "sha256": stored.sha256 and bytes.fromhex(stored.sha256)})
    return add


@pytest.fixture
def add_prediction(rows: Connection, add_image: AddImage) -> AddPrediction:
    """Writes a prediction and, if need be, its picture and its owner."""
    def add(row: Row) -> None:
        columns = {**row, "top_k": Json(row["top_k"])}
        assert columns.pop("feedback") is None
        add_image(image(row["user_id"], image_id=row["image_id"],
                        object_key=f"2026/01/31/{row['image_id']}.jpg",
                        sha256=columns.pop("image_sha256")))
        _insert(rows, "predictions", columns)
    return add


def _insert(connection: Connection, table: str, columns: dict[str, Any]) -> None:
    values = [str(value) if isinstance(value, uuid.UUID) else value
              for value in columns.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT DO NOTHING", values)


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes on in the background of applications made in this process."""
    monkeypatch.setattr(ErasureWorker, "start", lambda worker: None)
