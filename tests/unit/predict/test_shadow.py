"""The shadow model scores behind the answers, and never holds them up."""
from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from predict import shadow
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures
from tests.fakes.models import FakeEngine, fake_model
from tests.fakes.repository import InMemoryPredictionRepository
from tests.records import record

DROPPED = "imgclass_shadow_predictions_dropped_total"


class House:
    """A ShadowScorer and the predictions it scores."""

    def __init__(self) -> None:
        self.engine = FakeEngine("tensorflow")
        self.model = fake_model(self.engine, version="v2", digest="d" * 64)
        self.repository = InMemoryPredictionRepository("v1", "v2")
        self.registry = CollectorRegistry()
        self.scorer = ShadowScorer(self.repository, Telemetry(self.registry), 1_000_000)

    def answered(self) -> uuid.UUID:
        return self.repository.record(record())

    def dropped(self) -> float | None:
        return self.registry.get_sample_value(DROPPED)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.scorer.close()


def test_score(house: House) -> None:
    """A scored picture is recorded with class, time and lineage of the shadow model."""
    prediction_id = house.answered()
    house.scorer.submit(house.model, pictures.jpeg(60, 40), prediction_id)
    house.scorer.close()
    (shadow_record,) = house.repository.shadows.values()
    assert shadow_record.prediction_id == prediction_id
    assert shadow_record.predicted_class == "dark"
    assert shadow_record.top_k[0] == {
        "class": "dark", "index": 0, "confidence": shadow_record.confidence_score}
    assert len(shadow_record.top_k) == house.model.manifest.top_k
    assert shadow_record.prediction_time_ms >= 0
    assert shadow_record.lineage == house.model.lineage()
    assert house.dropped() == 0


def test_too_much_to_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot keep up with is dropped and counted; nobody waits."""
    monkeypatch.setattr(shadow, "MAX_WAITING", 3)
    crowded, released = House(), threading.Event()
    crowded.engine.before = lambda: released.wait(10)
    ids = [crowded.answered() for _ in range(8)]
    for each in ids:
        crowded.scorer.submit(crowded.model, pictures.jpeg(60, 40), each)
    assert crowded.dropped() == 5
    released.set()
    crowded.scorer.close()
    assert {one for one, _ in crowded.repository.shadows} == set(ids[:3])


@pytest.mark.parametrize("fault", ["engine", "repository", "picture"])
def test_failure(house: House, fault: str) -> None:
    """A failure loses this one picture and no other."""
    good, seen = house.answered(), []

    def fail_first() -> None:
        seen.append(1)
        if fault == "engine" and len(seen) == 1:
            raise RuntimeError("out of order")

    house.engine.before = fail_first
    data = b"hello" if fault == "picture" else pictures.jpeg(60, 40)
    prediction_id = uuid.uuid4() if fault == "repository" else house.answered()
    house.scorer.submit(house.model, data, prediction_id)
    house.scorer.submit(house.model, pictures.jpeg(60, 40), good)
    house.scorer.close()
    assert list(house.repository.shadows) == [(good, "v2")]
    assert house.dropped() == 1


def test_places_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for one picture, any number of them are scored one after the other."""
    monkeypatch.setattr(shadow, "MAX_WAITING", 1)
    house, deadline = House(), time.monotonic() + 10
    for number in range(4):
        prediction_id = house.answered()
        while (prediction_id, "v2") not in house.repository.shadows:
            assert time.monotonic() < deadline, number
            house.scorer.submit(house.model, pictures.jpeg(60, 40), prediction_id)
    house.scorer.close()
