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
    """What is known of a stored picture; `sha256` in hexadecimal, sizes in bytes and pixels."""

    image_id: uuid.UUID
    user_id: uuid.UUID
    filename: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    source: str
    created_at: datetime


class ImageReader(Protocol):
    """Finds stored pictures."""

    def find(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> Image | None:
        """A picture, if it belongs to `owner`; None owns everything.

        Raises DatabaseUnavailable.
        """


class PostgresImageReader:
    """ImageReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> Image | None:
        with self._database.transaction() as connection:
            row = _queries.find_image(connection, image_id=image_id, owner=owner)
        return Image(**row) if row else None
