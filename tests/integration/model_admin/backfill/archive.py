"""Pictures and predictions in PostgreSQL, for backfills to find."""
from __future__ import annotations

import hashlib
import uuid
from typing import Any

from common.db import Database
from tests import pictures
from tests.contracts.backfills import ADA, NOON

PICTURE = pictures.png(60, 40)
SHA256 = hashlib.sha256(PICTURE).digest()
ADD_USER = """
    INSERT INTO users (user_id, email) VALUES (%(user_id)s, %(user_id)s::text)
    ON CONFLICT DO NOTHING
"""
ADD_IMAGE = """
    INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes,
                        sha256, width, height, source)
    VALUES (%(image_id)s, %(user_id)s, 'cup.png', %(object_key)s, 'image/png', %(size_bytes)s,
            %(sha256)s, 60, 40, 'http')
"""
ADD_PREDICTION = """
    INSERT INTO predictions (image_id, user_id, model_version, predicted_class, confidence_score,
                             prediction_time_ms, created_at, top_k, request_id, source, engine,
                             model_digest, preprocessing_digest)
    VALUES (%(image_id)s, %(user_id)s, %(model_version)s, %(predicted_class)s,
            %(confidence_score)s, 12, %(created_at)s, '[]', 'request-0', 'http', 'tensorflow',
            repeat('a', 64), repeat('c', 64))
"""


class ArchiveInPostgres:
    """Writes pictures and predictions past the code under test."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, **changes: Any) -> uuid.UUID:
        image_id = uuid.uuid4()
        owner = changes.get("user_id", ADA)
        self._execute(ADD_USER, user_id=owner)
        self._execute(
            ADD_IMAGE, image_id=image_id, user_id=owner, object_key=object_key(image_id),
            size_bytes=len(PICTURE), sha256=SHA256)
        self.add_prediction(image_id, **changes)
        return image_id

    def add_prediction(self, image_id: uuid.UUID, **changes: Any) -> None:
        self._execute(ADD_PREDICTION, **{
            "image_id": image_id, "user_id": ADA, "created_at": NOON,
            "predicted_class": "espresso", "confidence_score": 0.5, "model_version": "v1",
            **changes})

    def remove(self, image_id: uuid.UUID) -> None:
        self._execute("DELETE FROM predictions WHERE image_id = %(image_id)s", image_id=image_id)
        self._execute("DELETE FROM images WHERE image_id = %(image_id)s", image_id=image_id)

    def predictions(self, backfill_id: uuid.UUID) -> list[uuid.UUID]:
        rows = self._execute(
            "SELECT image_id FROM predictions WHERE backfill_id = %(backfill_id)s "
            "ORDER BY image_id", backfill_id=backfill_id)
        return [row["image_id"] for row in rows]

    def audit(self) -> list[tuple[str, str]]:
        rows = self._execute("SELECT action, subject FROM audit_log ORDER BY audit_id")
        return [(row["action"], row["subject"]) for row in rows]

    def _execute(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return [dict(row) for row in cursor] if cursor.description else []


def object_key(image_id: uuid.UUID) -> str:
    return f"2020/01/31/{image_id}.png"
