"""Stored pictures in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Image:
    """What is known of a stored picture; `sha256` in hexadecimal, sizes in bytes and pixels.

    Digest and size in pixels are None of pictures whose row was not written by predict.
    """

    image_id: uuid.UUID
    user_id: uuid.UUID
    filename: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: str | None
    width: int | None
    height: int | None
    source: str
    created_at: datetime


class ImageReader(Protocol):
    """Finds stored pictures; None owns everything. Every method raises DatabaseUnavailable."""

    def find(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> Image | None:
        """A picture, if it belongs to `owner`."""

    def was_erased(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        """Whether there was such a picture of `owner`'s, and it was erased."""


class PostgresImageReader:
    """ImageReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> Image | None:
        with self._database.transaction() as connection:
            row = _queries.find_image(connection, image_id=image_id, owner=owner)
        return Image(**row) if row else None

    def was_erased(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        with self._database.transaction() as connection:
            erased: bool = _queries.was_erased(connection, image_id=image_id, owner=owner)
        return erased
