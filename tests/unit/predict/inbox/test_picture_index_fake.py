"""The index of pictures and the lock in memory, which other tests trust, keep their contracts."""
from __future__ import annotations

import uuid
from datetime import datetime

import pytest

from predict.inbox.picture_index import PictureIndex
from tests.contracts.picture_index import (
    STORED, Album, PictureIndexContract, SweepLockContract)
from tests.fakes.picture_index import InMemoryPictureIndex, InMemorySweepLock


class AlbumInMemory:
    """Pictures in dictionaries."""

    def __init__(self) -> None:
        self._index = InMemoryPictureIndex()
        self.index: PictureIndex = self._index

    def add(self, key: str, created_at: datetime = STORED) -> None:
        self._index.pictures[key] = created_at

    def expect(self, event_id: uuid.UUID, state: str = "pending") -> None:
        if state == "pending":
            self._index.in_progress.add(event_id)
        if state == "erased":
            self._index.gone.add(event_id)

    def erase(self, image_id: uuid.UUID) -> None:
        self._index.gone.add(image_id)

    def doom(self, key: str) -> None:
        self._index.doomed.add(key)

    def missing(self) -> dict[str, datetime]:
        return dict(self._index.missing)


class TestInMemoryPictureIndex(PictureIndexContract):
    """The fake."""

    @pytest.fixture
    def album(self) -> Album:
        return AlbumInMemory()

    @pytest.fixture
    def unreachable_index(self) -> InMemoryPictureIndex:
        index = InMemoryPictureIndex()
        index.down = True
        return index


class TestInMemorySweepLock(SweepLockContract):
    """The fake; its rival is itself."""

    @pytest.fixture
    def lock(self) -> InMemorySweepLock:
        return InMemorySweepLock()

    @pytest.fixture
    def rival(self, lock: InMemorySweepLock) -> InMemorySweepLock:
        return lock

    @pytest.fixture
    def unreachable_lock(self) -> InMemorySweepLock:
        lock = InMemorySweepLock()
        lock.down = True
        return lock
