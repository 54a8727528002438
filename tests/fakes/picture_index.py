"""An index of pictures in memory, and a lock."""
from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone

from common.errors import DatabaseUnavailable


class InMemoryPictureIndex:
    """PictureIndex in dictionaries: when each picture was stored, since when some are missing.

    `in_progress` are the events of uploads being classified, `gone` the pictures that were
    erased, and `doomed` the keys that are going to be removed; `down` makes it unreachable.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, datetime] = {}
        self.missing: dict[str, datetime] = {}
        self.in_progress: set[uuid.UUID] = set()
        self.gone: set[uuid.UUID] = set()
        self.doomed: set[str] = set()
        self.down = False

    def without_row(self, keys: Sequence[str]) -> set[str]:
        self._reach()
        return {key for key in keys if key not in self.pictures and key not in self.doomed
                and _picture(key) not in self.in_progress}

    def erased(self, keys: Sequence[str]) -> set[str]:
        self._reach()
        return {key for key in keys if _picture(key) in self.gone}

    def between(self, after: str, until: str, before: datetime) -> list[str]:
        self._reach()
        return sorted(
            (key for key, created_at in self.pictures.items()
             if after.encode() < key.encode() <= until.encode() and created_at < before),
            key=str.encode)

    def note_missing(self, key: str) -> None:
        self._reach()
        if key in self.pictures:
            self.missing.setdefault(key, datetime.now(timezone.utc))

    def note_present(self, keys: Sequence[str]) -> None:
        self._reach()
        for key in keys:
            self.missing.pop(key, None)

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


def _picture(key: str) -> uuid.UUID | None:
    """The id of the picture that has this key."""
    found = re.search(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z]+$", key)
    return uuid.UUID(found[1]) if found else None


class InMemorySweepLock:
    """SweepLock for the threads of one process; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.down = False
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self) -> Iterator[bool]:
        if self.down:
            raise DatabaseUnavailable()
        alone = self._lock.acquire(blocking=False)
        try:
            yield alone
        finally:
            if alone:
                self._lock.release()
