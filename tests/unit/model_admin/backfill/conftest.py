"""Backfills with everything around them in memory."""
from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest

from common.audit import Origin
from model_admin.backfill.claims import Claim, StoredPicture
from model_admin.backfill.classifier import PictureClassifier
from model_admin.backfill.orders import Filter, Order
from model_admin.backfill.repository import Row
from model_admin.backfill.worker import BackfillWorker
from tests import pictures
from tests.contracts.backfills import NOON
from tests.fakes.backfills import FixedVersions, InMemoryBackfills, OldPrediction
from tests.fakes.clock import FakeClock
from tests.fakes.models import FakeEngine, fake_model
from tests.fakes.storage import InMemoryObjectStore

PICTURE = pictures.png(60, 40)


class House:
    """A worker, and all it works with. The model is v2."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.backfills = InMemoryBackfills(self.clock.monotonic)
        self.store = InMemoryObjectStore()
        self.engine = FakeEngine()
        self.versions = FixedVersions(fake_model(self.engine, version="v2"))

    def worker(self) -> BackfillWorker:
        """Another worker on the same backfills."""
        return BackfillWorker(
            self.backfills, self.versions, PictureClassifier(self.store, max_pixels=10_000),
            clock=self.clock)

    def add(self, data: bytes = PICTURE, **changes: Any) -> uuid.UUID:
        """Store a picture that v1 has classified; `changes` are those of its row."""
        image_id = uuid.uuid4()
        picture = StoredPicture(**{
            "image_id": image_id, "object_key": f"2020/01/31/{image_id}.png",
            "size_bytes": len(data), "sha256": hashlib.sha256(data).digest(), **changes})
        self.store.put(picture.object_key, data, "image/png")
        self.backfills.pictures[image_id] = picture
        self.backfills.old.append(
            OldPrediction(image_id, NOON, "espresso", 0.5, "v1", uuid.uuid4()))
        return image_id

    def add_many(self, count: int) -> list[uuid.UUID]:
        """Several pictures in the order in which they are going to be classified."""
        return sorted(self.add() for _ in range(count))

    def start(self, pictures_per_second: float = 20.0) -> uuid.UUID:
        """Start a backfill of everything."""
        row = self.backfills.start(Order("v2", Filter(), pictures_per_second), Origin())
        assert row is not None
        backfill_id: uuid.UUID = row["backfill_id"]
        return backfill_id

    def claim(self) -> Claim:
        """Take what a worker would take."""
        claim = self.backfills.claim(60)
        assert claim is not None
        return claim

    def row(self, backfill_id: uuid.UUID) -> Row:
        """A backfill as it stands."""
        row = self.backfills.find(backfill_id)
        assert row is not None
        return row

    def classified(self, backfill_id: uuid.UUID) -> list[uuid.UUID]:
        """The pictures that have a prediction of a backfill, in the order they got it."""
        return [image_id for owner, image_id in self.backfills.classified if owner == backfill_id]


@pytest.fixture
def house() -> House:
    return House()
