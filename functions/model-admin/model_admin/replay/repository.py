"""Recorded predictions in PostgreSQL, with all that is needed to answer them again."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Answer:
    """What was said of a picture, and what made it; digests are SHA-256 in hexadecimal.

    `top_k` has the most probable classes, best first, each {class, index, confidence}.
    """

    predicted_class: str
    confidence_score: float
    top_k: list[dict[str, Any]]
    image_sha256: str
    model_version: str
    engine: str
    model_digest: str
    twin_digest: str | None
    preprocessing_digest: str


@dataclass(frozen=True)
class RecordedPrediction:
    """An answer as it was recorded, where its picture lies, whose it is, and its model's present
    state.

    Without `has_lineage` the answer lacks parts: it was not recorded by predict.
    """

    prediction_id: uuid.UUID
    answer: Answer
    object_key: str
    size_bytes: int
    model_state: str
    user_id: uuid.UUID
    has_lineage: bool = True


class RecordedPredictions(Protocol):
    """Finds predictions."""

    def find(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None
    ) -> RecordedPrediction | None:
        """A prediction, if it belongs to `owner`; None owns everything.

        Raises DatabaseUnavailable.
        """


class PostgresRecordedPredictions:
    """RecordedPredictions on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None
    ) -> RecordedPrediction | None:
        with self._database.transaction() as connection:
            row = _queries.find_recorded(connection, prediction_id=prediction_id, owner=owner)
        if row is None:
            return None
        place = {name: row.pop(name) for name in (
            "prediction_id", "object_key", "size_bytes", "model_state", "user_id", "has_lineage")}
        return RecordedPrediction(answer=Answer(**row), **place)
