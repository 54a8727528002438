"""Which pictures have rows: one interface, and PostgreSQL behind it."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


class PictureIndex(Protocol):
    """Knows which pictures have rows. Every method raises DatabaseUnavailable."""

    def without_row(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that no picture has, nor will have by an upload in progress."""

    def erased(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys whose picture, or its user, was erased."""

    def between(self, after: str, until: str, before: datetime) -> list[str]:
        """The keys of pictures, in the order of their bytes, above `after` and up to `until`,
        that were stored earlier than `before`."""

    def note_missing(self, key: str) -> None:
        """Note that a picture's object is missing, and since when."""

    def note_present(self, keys: Sequence[str]) -> None:
        """Note that the objects of pictures are there, should they have been missing."""


class PostgresPictureIndex:
    """PictureIndex on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def without_row(self, keys: Sequence[str]) -> set[str]:
        with self._database.transaction() as connection:
            return {row["key"] for row in _queries.keys_without_row(connection, keys=[*keys])}

    def erased(self, keys: Sequence[str]) -> set[str]:
        with self._database.transaction() as connection:
            return {row["key"] for row in _queries.erased_keys(connection, keys=[*keys])}

    def between(self, after: str, until: str, before: datetime) -> list[str]:
        with self._database.transaction() as connection:
            return [row["object_key"] for row in _queries.keys_between(
                connection, after=after, until=until, before=before)]

    def note_missing(self, key: str) -> None:
        with self._database.transaction() as connection:
            _queries.note_missing(connection, key=key)

    def note_present(self, keys: Sequence[str]) -> None:
        with self._database.transaction() as connection:
            _queries.note_present(connection, keys=[*keys])
