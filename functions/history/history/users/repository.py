"""Users in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class User:
    """What is stored of a user: the address, and how many pictures and predictions."""

    user_id: uuid.UUID
    email: str
    created_at: datetime
    images: int
    image_bytes: int
    predictions: int


class UserReader(Protocol):
    """Finds users. Every method raises DatabaseUnavailable."""

    def find(self, user_id: uuid.UUID) -> User | None:
        """A user of whom something is stored."""

    def was_erased(self, user_id: uuid.UUID) -> bool:
        """Whether what was stored of a user was erased, or is being erased."""


class PostgresUserReader:
    """UserReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, user_id: uuid.UUID) -> User | None:
        with self._database.transaction() as connection:
            row = _queries.find_user(connection, user_id=user_id)
        return User(**row) if row else None

    def was_erased(self, user_id: uuid.UUID) -> bool:
        with self._database.transaction() as connection:
            erased: bool = _queries.was_erased(connection, user_id=user_id)
        return erased
