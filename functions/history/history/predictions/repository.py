"""Recorded predictions in PostgreSQL."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.cursors import Position
from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]

# What an exported prediction has, in order.
EXPORTED = (
    "prediction_id", "image_id", "filename", "object_key", "image_sha256", "predicted_class",
    "confidence_score", "top_k", "model_version", "engine", "model_digest", "prediction_time_ms",
    "source", "request_id", "created_at", "label", "comment")
_FEEDBACK = ("label", "comment", "created_at", "updated_at")


@dataclass(frozen=True)
class Filters:
    """Which predictions of a user to show; None filters nothing. `until` is exclusive."""

    user_id: uuid.UUID
    predicted_class: str | None = None
    min_confidence: float | None = None
    model_version: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def are_counted(self) -> bool:
        """Whether the database keeps count of what they select."""
        return (self.predicted_class is None and self.min_confidence is None
                and self.since is None and self.until is None)


class PredictionReader(Protocol):
    """Finds predictions. Every method raises DatabaseUnavailable."""

    def page(
        self, filters: Filters, limit: int, offset: int, after: Position | None
    ) -> tuple[list[Row], int]:
        """Rows, newest first, and how many there are in all."""

    def export(self, filters: Filters) -> Iterator[Row]:
        """All that the filters select, newest first, with the fields EXPORTED, as they are read;
        to be read to the end or closed."""

    def find(self, prediction_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        """One prediction with its lineage and, under `feedback`, what was said of it or None; if
        it belongs to `owner`, and None owns everything."""


class PostgresPredictionReader:
    """PredictionReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, filters: Filters, limit: int, offset: int, after: Position | None
    ) -> tuple[list[Row], int]:
        parameters = asdict(filters)
        with self._database.transaction() as connection:
            rows = list(_queries.list_predictions(
                connection, **parameters, limit=limit, offset=offset,
                cursor_time=after and after.at, cursor_id=after and after.row_id))
            count = _queries.add_counts_up if filters.are_counted else _queries.count_predictions
            total: int = count(connection, **parameters)
        return rows, total

    def export(self, filters: Filters) -> Iterator[Row]:
        return self._database.stream(_queries.export_predictions.sql, asdict(filters))

    def find(self, prediction_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        with self._database.transaction() as connection:
            row: Row | None = _queries.find_prediction(
                connection, prediction_id=prediction_id, owner=owner)
        return row and _with_feedback(row)


def _with_feedback(row: Row) -> Row:
    said = {name: row.pop(f"said_{name}") for name in _FEEDBACK}
    return {**row, "feedback": None if said["label"] is None else said}
