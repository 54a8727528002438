"""Labelled pictures in PostgreSQL."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Choice:
    """Which labelled pictures; None chooses all. `since` and `until`, which is exclusive, are of
    the answers that people spoke of."""

    label: str | None = None
    model_version: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class LabelledPicture:
    """A picture, the last that was said of it, and the answer it was said of; `sha256` in
    hexadecimal."""

    label: str
    image_id: str
    object_key: str
    sha256: str
    content_type: str
    size_bytes: int
    width: int | None
    height: int | None
    predicted_class: str
    confidence_score: float
    model_version: str
    labelled_at: datetime


class LabelledPictures(Protocol):
    """Finds labelled pictures."""

    def all(self, choice: Choice) -> Iterator[LabelledPicture]:
        """Each digest once, in order, as they are read; to be read to the end or closed.

        Raises DatabaseUnavailable.
        """


class PostgresLabelledPictures:
    """LabelledPictures on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, choice: Choice) -> Iterator[LabelledPicture]:
        for row in self._database.stream(_queries.labelled_pictures.sql, asdict(choice)):
            yield LabelledPicture(**{**row, "image_id": str(row["image_id"])})
