"""What predict writes to PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.auth import placeholder_email
from common.db import Database, load_queries
from common.errors import Conflict
from common.inference.model import Lineage

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class PredictionRecord:
    """One answer with its picture, its owner and its lineage; `email` None leaves the owner's."""

    user_id: uuid.UUID
    email: str | None
    image_id: uuid.UUID
    filename: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: bytes
    width: int
    height: int
    source: str
    model_version: str
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: list[dict[str, Any]]
    request_id: str
    engine: str
    model_digest: str
    twin_digest: str | None
    preprocessing_digest: str


@dataclass(frozen=True)
class ShadowRecord:
    """What the shadow model makes of an answered picture; `lineage` as Model.lineage() gives."""

    prediction_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: list[dict[str, Any]]
    lineage: Lineage


class PredictionRepository(Protocol):
    """Keeps predictions."""

    def record(self, record: PredictionRecord) -> uuid.UUID:
        """Store everything or nothing; answers the prediction's id.

        Raises DatabaseUnavailable, and CommitUnknown if it may have been stored after all.
        """

    def without_row(self, keys: list[str]) -> list[str]:
        """Those of the object keys that no image has. Raises DatabaseUnavailable."""

    def record_shadow(self, record: ShadowRecord) -> None:
        """Store what the shadow model says, unless it did already. Raises DatabaseUnavailable."""


class PostgresPredictionRepository:
    """PredictionRepository on PostgreSQL: one statement in each transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, record: PredictionRecord) -> uuid.UUID:
        parameters = {
            **asdict(record),
            "placeholder_email": placeholder_email(record.user_id),
            "top_k": Json(record.top_k),
        }
        try:
            return self._insert(parameters)
        except Conflict:
            # Another request created the same user or took the address between the statement's
            # look and its write; the next look sees that.
            return self._insert(parameters)

    def without_row(self, keys: list[str]) -> list[str]:
        with self._database.transaction() as connection:
            return [row["key"] for row in _queries.keys_without_row(connection, keys=keys)]

    def record_shadow(self, record: ShadowRecord) -> None:
        parameters = {**asdict(record), **record.lineage, "top_k": Json(record.top_k)}
        with self._database.transaction() as connection:
            _queries.record_shadow_prediction(connection, **parameters)

    def _insert(self, parameters: dict[str, Any]) -> uuid.UUID:
        with self._database.transaction() as connection:
            prediction_id: uuid.UUID = _queries.record_prediction(connection, **parameters)
        return prediction_id
