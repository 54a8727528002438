"""The erasures in memory, which other tests trust, keep the contract."""
from __future__ import annotations

import uuid

import pytest

from tests.contracts.erasures import Archive, ErasuresContract
from tests.fakes.erasures import InMemoryErasures


class ArchiveInMemory:
    """Pictures in a dictionary."""

    def __init__(self) -> None:
        self._fake = InMemoryErasures()
        self.erasures = self._fake

    def add_image(self, user: uuid.UUID) -> tuple[uuid.UUID, str]:
        image_id = uuid.uuid4()
        self._fake.images[image_id] = user, f"2026/01/31/{image_id}.jpg"
        return image_id, f"2026/01/31/{image_id}.jpg"

    def add_upload(self, user: uuid.UUID) -> None:
        self._fake.uploads.add(user)

    def images(self) -> set[uuid.UUID]:
        return set(self._fake.images)

    def audit(self) -> list[tuple[str, str]]:
        return self._fake.audit

    def was_erased(self, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        return self._fake.was_erased(kind, subject_id, owner)


class TestInMemoryErasures(ErasuresContract):
    """The fake."""

    @pytest.fixture
    def archive(self) -> Archive:
        return ArchiveInMemory()

    @pytest.fixture
    def unreachable_erasures(self) -> InMemoryErasures:
        fake = InMemoryErasures()
        fake.down = True
        return fake
