"""The backfills in memory keep the contracts of those in PostgreSQL."""
from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from model_admin.backfill.claims import StoredPicture
from tests.contracts.backfill_claims import BackfillClaimsContract
from tests.contracts.backfills import ADA, NOON, BackfillsContract
from tests.fakes.backfills import InMemoryBackfills, OldPrediction


@dataclass
class ArchiveInMemory:
    """Puts pictures and predictions where the fake finds them."""

    backfills: InMemoryBackfills

    def add(self, **changes: Any) -> uuid.UUID:
        image_id = uuid.uuid4()
        self.backfills.pictures[image_id] = StoredPicture(image_id, f"{image_id}", 4, b"1" * 32)
        self.add_prediction(image_id, **changes)
        return image_id

    def add_prediction(self, image_id: uuid.UUID, **changes: Any) -> None:
        self.backfills.old.append(OldPrediction(**{
            "image_id": image_id, "created_at": NOON, "predicted_class": "espresso",
            "confidence_score": 0.5, "model_version": "v1", "user_id": ADA, **changes}))

    def remove(self, image_id: uuid.UUID) -> None:
        del self.backfills.pictures[image_id]

    def predictions(self, backfill_id: uuid.UUID) -> list[uuid.UUID]:
        return sorted(image_id for owner, image_id in self.backfills.classified
                      if owner == backfill_id)

    def audit(self) -> list[tuple[str, str]]:
        return self.backfills.audit


class TestInMemoryBackfills(BackfillsContract, BackfillClaimsContract):
    """The fake."""

    @pytest.fixture
    def backfills(self) -> InMemoryBackfills:
        fake = InMemoryBackfills(itertools.count(0, 0.001).__next__)
        fake.states["v3"] = "validating"
        return fake

    @pytest.fixture
    def claims(self, backfills: InMemoryBackfills) -> InMemoryBackfills:
        return backfills

    @pytest.fixture
    def archive(self, backfills: InMemoryBackfills) -> ArchiveInMemory:
        return ArchiveInMemory(backfills)
