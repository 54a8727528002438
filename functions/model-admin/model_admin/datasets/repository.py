"""Labelled pictures in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Filters:
    """Which labelled pictures, by the prediction that was labelled; None filters nothing."""

    label: str | None = None
    predicted_class: str | None = None
    min_confidence: float | None = None
    model_version: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    user_id: uuid.UUID | None = None


@dataclass(frozen=True)
class LabelledPicture:
    """A picture, the prediction of it that was labelled, and the label.

    `sha256` is of the picture's bytes; times are in UTC.
    """

    sha256: bytes
    image_id: uuid.UUID
    object_key: str
    content_type: str
    width: int | None
    height: int | None
    prediction_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    model_version: str
    label: str
    labelled_at: datetime


class LabelledPictures(Protocol):
    """Finds pictures that somebody labelled. Raises DatabaseUnavailable."""

    def page(self, filters: Filters, after: bytes | None, limit: int) -> list[LabelledPicture]:
        """Pictures behind a digest, each digest once with its latest label, by digest.

        Pictures without a digest, of before there were any, are left out.
        """


class PostgresLabelledPictures:
    """LabelledPictures in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, filters: Filters, after: bytes | None, limit: int) -> list[LabelledPicture]:
        with self._database.transaction() as connection:
            rows: list[dict[str, Any]] = [*_queries.list_labelled(
                connection, **asdict(filters), after=after, limit=limit)]
        return [LabelledPicture(**{**row, "sha256": bytes(row["sha256"])}) for row in rows]
