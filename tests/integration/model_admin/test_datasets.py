"""Labelled pictures as PostgreSQL finds them."""
from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from common.config import Settings
from common.db import Database
from model_admin.datasets.repository import Filters, PostgresLabelledPictures
from tests.databases import add_model, query

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
OWNER, OTHER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database with two versions and no pictures."""
    for table in ("predictions", "images", "users", "model_versions"):
        query(module_settings, f"DELETE FROM {table}")
    for version in ("v1", "v2"):
        add_model(module_settings, version)
    return module_settings


@pytest.fixture
def labelled(database: Database) -> PostgresLabelledPictures:
    return PostgresLabelledPictures(database)


def add(
    settings: Settings, data: bytes, label: str | None, minutes: int = 0, *,
    user: uuid.UUID = OWNER, version: str = "v1", confidence: float = 0.5,
    source: str = "http", digest: bool = True,
) -> uuid.UUID:
    """Store a prediction of a picture, made and maybe labelled at so many minutes past noon."""
    image, prediction, at = uuid.uuid4(), uuid.uuid4(), NOON + timedelta(minutes=minutes)
    query(settings, "INSERT INTO users (user_id, email) VALUES (%s, %s) ON CONFLICT DO NOTHING",
          user, f"{user}@example.org")
    query(settings, "INSERT INTO images (image_id, user_id, filename, object_key, content_type, "
          "size_bytes, sha256) VALUES (%s, %s, 'a', %s, 'image/png', 1, %s)",
          image, user, str(image), hashlib.sha256(data).digest() if digest else None)
    query(settings, "INSERT INTO predictions (prediction_id, image_id, user_id, model_version, "
          "predicted_class, confidence_score, prediction_time_ms, created_at, source) "
          "VALUES (%s, %s, %s, %s, 'espresso', %s, 1, %s, %s)",
          prediction, image, user, version, confidence, at, source)
    if label is not None:
        query(settings, "INSERT INTO feedback (prediction_id, label, updated_at) "
              "VALUES (%s, %s, %s)", prediction, label, at)
    return prediction


def test_each_digest_once(
    labelled: PostgresLabelledPictures, database_settings: Settings
) -> None:
    """Equal pictures are one, with the latest label; what has no label or no digest is none."""
    add(database_settings, b"1", "early")
    late = add(database_settings, b"1", "late", 2, user=OTHER)
    add(database_settings, b"1", "between", 1)
    add(database_settings, b"2", None)
    add(database_settings, b"3", "cup", digest=False)
    (found,) = labelled.page(Filters(), None, 10)
    assert (found.prediction_id, found.label) == (late, "late")
    assert found.sha256 == hashlib.sha256(b"1").digest()
    assert found.labelled_at == NOON + timedelta(minutes=2)


def test_pages(labelled: PostgresLabelledPictures, database_settings: Settings) -> None:
    """Pages follow one another in the order of digests and leave nothing out."""
    for number in range(7):
        add(database_settings, bytes([number]), "cup")
    digests, after = list[bytes](), None
    while page := labelled.page(Filters(), after, 3):
        digests += [each.sha256 for each in page]
        after = digests[-1]
    assert digests == sorted(hashlib.sha256(bytes([number])).digest() for number in range(7))


@pytest.mark.parametrize(("filters", "count"), [
    ({}, 4), ({"label": "cup"}, 3), ({"label": "mug"}, 1), ({"model_version": "v2"}, 1),
    ({"min_confidence": 0.9}, 1), ({"source": "bucket"}, 1), ({"user_id": OTHER}, 1),
    ({"since": NOON + timedelta(minutes=3)}, 1), ({"until": NOON + timedelta(minutes=2)}, 3),
    ({"predicted_class": "espresso"}, 4), ({"predicted_class": "cup"}, 0),
])
def test_filters(
    labelled: PostgresLabelledPictures, database_settings: Settings, filters: dict[str, Any],
    count: int,
) -> None:
    """Each filter finds what it names, by the prediction that was labelled."""
    add(database_settings, b"1", "cup", 0, version="v2")
    add(database_settings, b"2", "cup", 1, confidence=0.95)
    add(database_settings, b"3", "cup", 2, source="bucket")
    add(database_settings, b"4", "mug", 3, user=OTHER)
    assert len(labelled.page(Filters(**filters), None, 10)) == count
