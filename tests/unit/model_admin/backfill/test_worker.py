"""The worker: how fast it goes, what it waits for, and what it gives up."""
from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common.audit import Origin
from common.deadlines import Deadline
from common.errors import Conflict, DatabaseUnavailable, ModelUnavailable
from common.inference.engine import Pixels
from common.storage import StoredObject
from model_admin.backfill.worker import (
    BATCH_PICTURES, BATCH_SECONDS, LEASE_SECONDS, MAX_ATTEMPTS, TURN_SECONDS)
from tests.fakes.models import FakeEngine, fake_model
from tests.fakes.storage import InMemoryObjectStore
from tests.pictures import encode, png
from tests.unit.model_admin.backfill.conftest import PICTURE, House


def test_all_pictures(house: House) -> None:
    """Every picture gets one prediction, in the order of the ids, and the backfill is done."""
    pictures = house.add_many(2 * BATCH_PICTURES + 3)
    backfill_id = house.start()
    assert house.worker().run_once()
    assert house.classified(backfill_id) == pictures
    row = house.row(backfill_id)
    assert (row["state"], row["total"], row["classified"], row["failed"]) == (
        "done", len(pictures), len(pictures), 0)
    assert not house.worker().run_once()


def test_lineage(house: House) -> None:
    """A prediction has the model's lineage, and as many classes as its manifest names."""
    picture = house.add()
    backfill_id = house.start()
    house.worker().run_once()
    prediction = house.backfills.classified[backfill_id, picture]
    assert prediction.lineage == house.versions.model.lineage()
    assert [score["class"] for score in prediction.top_k][0] == prediction.predicted_class
    assert len(prediction.top_k) == house.versions.model.manifest.top_k


@pytest.mark.parametrize("rate", [0.5, 3.0, 20.0, 1000.0])
def test_rate(house: House, rate: float) -> None:
    """Beside a second's pictures, or a batch if that is less, the rate is never exceeded."""
    begun: list[float] = []
    house.engine.before = lambda: begun.append(house.clock.now)
    count = min(40, int(rate * TURN_SECONDS / 2))
    house.add_many(count)
    backfill_id = house.start(rate)
    house.worker().run_once()
    assert house.row(backfill_id)["classified"] == len(begun) == count
    assert house.clock.now >= count / rate - 1e-9
    at_once = max(1.0, min(BATCH_PICTURES, rate))
    for number, time in enumerate(begun):
        assert number < at_once + rate * time + 1e-6


def test_slow_pictures_pay_for_themselves(house: House) -> None:
    """What the work takes is no time to wait in addition."""
    def work() -> None:
        house.clock.now += 0.05

    house.engine.before = work
    house.add_many(40)
    house.start(20.0)
    house.worker().run_once()
    assert house.clock.now == pytest.approx(2.0)


def test_slow_batch(house: House) -> None:
    """A batch that takes long is recorded as far as it has come, before the lease runs out."""
    def work() -> None:
        house.clock.now += BATCH_SECONDS

    recorded: list[int] = []
    house.engine.before = work
    house.clock.while_asleep = lambda seconds: recorded.append(
        house.row(backfill_id)["classified"])
    house.add_many(3)
    backfill_id = house.start()
    house.worker().run_once()
    assert recorded == [1, 2, 3]


def test_turns(house: House) -> None:
    """Of two backfills neither waits for the other's end."""
    house.add_many(int(20 * TURN_SECONDS * 1.5))
    first, second = house.start(), house.start()
    worker = house.worker()
    for backfill_id in (first, second):
        assert worker.run_once()
        assert 0 < house.row(backfill_id)["classified"] < house.row(backfill_id)["total"]
    assert worker.run_once() and worker.run_once()
    assert house.row(first)["state"] == house.row(second)["state"] == "done"


def test_pictures_without_a_digest(house: House) -> None:
    """What nobody noted the digest of is classified as it is."""
    picture = house.add(sha256=None)
    backfill_id = house.start()
    house.worker().run_once()
    assert house.classified(backfill_id) == [picture]


def test_failed_pictures(house: House) -> None:
    """A picture that is gone, changed, broken, no picture or too large counts as failed."""
    good, broken = house.add(), house.add(PICTURE[:100])
    gone, changed = house.add(), house.add(sha256=b"1" * 32)
    text, longer = house.add(b"no picture"), house.add(
        PICTURE * 2, size_bytes=len(PICTURE), sha256=sha256(PICTURE).digest())
    large = house.add(png(101, 100))
    house.store.delete(house.backfills.pictures[gone].object_key)
    backfill_id = house.start()
    house.worker().run_once()
    row = house.row(backfill_id)
    assert (row["state"], row["classified"], row["failed"]) == ("done", 1, 6)
    assert house.classified(backfill_id) == [good]
    assert {failure["image_id"]: failure["reason"] for failure in row["failures"]} == {
        broken: "The picture's pixels cannot be decoded.",
        gone: "Its object is gone.",
        changed: "Its object is not what was sent.",
        text: "The file is not a JPEG, PNG or WebP picture.",
        longer: "Its object is not what was sent.",
        large: "The picture has 101 x 100 pixels; at most 10000 are allowed."}


@pytest.mark.parametrize("seconds", [1.0, 3 * TURN_SECONDS, 30 * TURN_SECONDS])
def test_outage_of_the_store(house: House, seconds: float) -> None:
    """While the store is away the backfill says so and nothing fails; then it goes on."""
    pictures = house.add_many(20)
    backfill_id = house.start()
    problems = set()

    def recover(slept: float) -> None:
        if house.store.down:
            problems.add(house.row(backfill_id)["problem"])
        house.store.down = house.clock.now < seconds

    house.clock.while_asleep = recover
    house.store.down = True
    worker = house.worker()
    while worker.run_once():
        pass
    assert problems == {"The object store does not answer."}
    assert house.clock.now >= seconds
    assert house.classified(backfill_id) == pictures
    assert house.row(backfill_id)["failed"] == 0
    assert house.row(backfill_id)["problem"] is None


@pytest.mark.parametrize("seconds", [1.0, 3 * TURN_SECONDS])
def test_outage_of_the_database(house: House, seconds: float) -> None:
    """A database that goes away in the middle is waited for, and no attempt is lost to it."""
    pictures = house.add_many(20)
    backfill_id = house.start()

    def go_away() -> None:
        house.backfills.down = house.clock.now < seconds

    house.engine.before = go_away
    house.clock.while_asleep = lambda slept: go_away()
    worker = house.worker()
    while worker.run_once():
        pass
    assert house.classified(backfill_id) == pictures
    assert house.row(backfill_id)["failed"] == 0


def test_database_away_from_the_start(house: House) -> None:
    """Without a database nothing can be claimed, and the caller hears of it."""
    house.backfills.down = True
    with pytest.raises(DatabaseUnavailable):
        house.worker().run_once()


def test_model_not_to_be_loaded(house: House) -> None:
    """A model that cannot be loaded for now is waited for, and others get their turn."""
    house.add_many(3)
    backfill_id = house.start()
    house.versions.error = ModelUnavailable("Model v2 needs TensorFlow, which is not installed.")
    worker = house.worker()
    assert worker.run_once()
    row = house.row(backfill_id)
    assert (row["state"], row["problem"]) == (
        "running", "Model v2 needs TensorFlow, which is not installed.")
    house.versions.error = None
    assert worker.run_once()
    assert house.row(backfill_id)["state"] == "done"


def test_model_no_longer_ready(house: House) -> None:
    """If the model is deleted half-way, the backfill fails with the reason and keeps the rest."""
    pictures = house.add_many(2 * BATCH_PICTURES)

    def delete(slept: float) -> None:
        house.versions.error = Conflict("Model version v2 is not ready.")

    house.clock.while_asleep = delete
    backfill_id = house.start()
    worker = house.worker()
    assert worker.run_once()
    row = house.row(backfill_id)
    assert (row["state"], row["problem"]) == ("failed", "Model version v2 is not ready.")
    assert house.classified(backfill_id) == pictures[:BATCH_PICTURES]
    assert not worker.run_once()


def test_cancelled_in_the_middle(house: House) -> None:
    """A batch that is under way when the backfill is cancelled is thrown away."""
    pictures = house.add_many(2 * BATCH_PICTURES)
    backfill_id = house.start()

    def cancel() -> None:
        if len(house.engine.calls) == BATCH_PICTURES + 2:
            house.backfills.cancel(backfill_id, Origin())

    house.engine.before = cancel
    worker = house.worker()
    assert worker.run_once()
    assert house.row(backfill_id)["state"] == "cancelled"
    assert house.classified(backfill_id) == pictures[:BATCH_PICTURES]
    assert not worker.run_once()


def test_stalled_worker(house: House) -> None:
    """A worker that wakes up after another has taken over records nothing twice."""
    pictures = house.add_many(12)
    backfill_id = house.start()
    others: list[bool] = []

    def stall() -> None:
        house.engine.before = lambda: None
        house.clock.now += LEASE_SECONDS + 1
        others.append(house.worker().run_once())

    house.engine.before = stall
    assert house.worker().run_once()
    assert others == [True]
    assert house.classified(backfill_id) == pictures
    row = house.row(backfill_id)
    assert (row["state"], row["classified"]) == ("done", len(pictures))


class Death(BaseException):
    """No `except Exception` survives it, just as no process survives a kill."""


class DeadlyStore(InMemoryObjectStore):
    """Whoever fetches the object `deadly` dies."""

    deadly = ""

    def get(self, key: str) -> StoredObject:
        if key == self.deadly:
            raise Death
        return super().get(key)


def test_deadly_picture(house: House) -> None:
    """A picture that kills its workers is given up, and no other one is."""
    house.store = store = DeadlyStore()
    pictures = house.add_many(2 * BATCH_PICTURES)
    store.deadly = house.backfills.pictures[pictures[5]].object_key
    backfill_id = house.start()
    deaths, left = 0, True
    while left:
        try:
            left = house.worker().run_once()
        except Death:
            deaths += 1
            house.clock.now += LEASE_SECONDS
    assert deaths == MAX_ATTEMPTS + 1
    row = house.row(backfill_id)
    assert (row["state"], row["classified"], row["failed"]) == ("done", len(pictures) - 1, 1)
    assert row["failures"] == [
        {"image_id": pictures[5], "reason": "Its classification was abandoned 3 times."}]


class OddEngine(FakeEngine):
    """Fails at black pictures."""

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        if pixels.mean() < -0.9:
            raise RuntimeError("node 7 failed")
        return super().predict(pixels)


def test_unforeseen_exception(house: House) -> None:
    """A picture at which the engine raises is given up in the end; the worker says why."""
    house.versions.model = fake_model(OddEngine(), version="v2")
    house.add_many(4)
    black = house.add(encode(Image.new("RGB", (60, 40)), "PNG"))
    problems = set()
    house.clock.while_asleep = lambda slept: problems.add(house.row(backfill_id)["problem"])
    backfill_id = house.start()
    worker = house.worker()
    while worker.run_once():
        pass
    row = house.row(backfill_id)
    assert (row["state"], row["classified"], row["failed"]) == ("done", 4, 1)
    assert row["failures"][0]["image_id"] == black
    assert problems == {None, "Unexpected: RuntimeError('node 7 failed')"}


def test_nothing_to_do(house: House) -> None:
    """A backfill of no pictures is done at once."""
    backfill_id = house.start()
    assert house.worker().run_once()
    assert (house.row(backfill_id)["state"], house.row(backfill_id)["total"]) == ("done", 0)
