"""Pictures and their rows held against each other: neither stays without the other unnoticed."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries
from common.errors import NotFound
from common.picture_store import QUARANTINE
from common.purging import purge
from common.storage import ObjectStore

# What is younger may still be about to get its other half.
MIN_AGE = timedelta(minutes=15)
BATCH = 1000

_queries = load_queries(Path(__file__).with_name("queries.sql"))

log = logging.getLogger(__name__)


@dataclass
class Differences:
    """How many objects had no row and were put aside, how many rows had no object, of how many of
    these it was found among what was put aside, and how many were removed because their picture
    was erased."""

    objects_without_row: int = 0
    rows_without_object: int = 0
    restored: int = 0
    erased: int = 0


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


class Reconciler:
    """Compares the pictures of some days with their rows, and mends what can be mended.

    An object without a row is moved below quarantine/, not removed: should the database ever be
    restored from a backup, these are the pictures whose rows were lost. A row without an object
    gets it back from there, or is marked. What was erased is neither put aside nor brought back.
    """

    def __init__(self, store: ObjectStore, index: PictureIndex) -> None:
        self._store = store
        self._index = index

    def compare(self, days: int, now: datetime) -> Differences:
        """Go through the last `days` days, the oldest first.

        Raises StoreUnavailable or DatabaseUnavailable.
        """
        found = Differences()
        for back in reversed(range(days)):
            self._compare_day(now.date() - timedelta(days=back), now - MIN_AGE, found)
        return found

    def _compare_day(self, day: date, before: datetime, found: Differences) -> None:
        folder = f"{day:%Y/%m/%d}/"
        listed = self._store.list(folder)
        after = folder
        while batch := list(islice(listed, BATCH)):
            keys = [each.key for each in batch]
            self._put_aside([each.key for each in batch if each.modified < before], found)
            self._index.note_present(keys)
            self._look_for_objects(after, keys[-1], set(keys), before, found)
            after = keys[-1]
        # "0" follows "/" in the order of bytes: to the end of the folder.
        self._look_for_objects(after, f"{folder[:-1]}0", set(), before, found)

    def _put_aside(self, settled: list[str], found: Differences) -> None:
        orphans = sorted(self._index.without_row(settled))
        erased = self._index.erased(orphans) if orphans else set()
        for key in orphans:
            if key in erased:
                log.warning("an erased picture was still there", extra={"key": key})
                purge(self._store, key)
                found.erased += 1
            elif self._move(key, QUARANTINE + key):
                log.warning("a picture without a row is put aside", extra={"key": key})
                found.objects_without_row += 1

    def _look_for_objects(
        self, after: str, until: str, present: set[str], before: datetime, found: Differences
    ) -> None:
        for key in self._missing(after, until, present, before):
            if self._move(QUARANTINE + key, key):
                if self._index.without_row([key]):  # it was erased since it was looked for
                    purge(self._store, key)
                    continue
                log.warning("a picture is back from quarantine", extra={"key": key})
                self._index.note_present([key])
                found.restored += 1
            else:
                log.error("a picture's object is missing", extra={"key": key})
                self._index.note_missing(key)
            found.rows_without_object += 1

    def _missing(
        self, after: str, until: str, present: set[str], before: datetime
    ) -> Iterator[str]:
        for key in self._index.between(after, until, before):
            if key not in present and not self._store.exists(key):
                yield key

    def _move(self, source: str, key: str) -> bool:
        """Say whether there was something to move."""
        try:
            self._store.copy(source, key)
        except NotFound:
            return False
        self._store.delete(source)
        return True
