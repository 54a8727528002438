"""Pictures and their rows held against each other: neither stays without the other unnoticed."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from common.errors import NotFound
from common.picture_store import QUARANTINE
from common.purging import purge
from common.storage import ObjectStore
from predict.inbox.picture_index import PictureIndex

# What is younger may still be about to get its other half.
MIN_AGE = timedelta(minutes=15)
BATCH = 1000

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
