"""GET /api/v1/predictions/stats: a user's predictions in numbers."""
from __future__ import annotations

import pytest

from tests.fakes.history import NOON, prediction
from tests.unit.history.conftest import House

STATS = "/api/v1/predictions/stats"
DAY = {"from": "2026-01-31", "to": "2026-02-01"}


def test_numbers(house: House) -> None:
    """The answer has counts by day and class, and histograms whose bins name their edges."""
    house.stats.rows += [prediction(house.ada), prediction(house.ada, prediction_time_ms=6000)]
    answer = house.get(STATS, **DAY)
    assert answer.status_code == 200
    body = answer.json
    assert (body["from"], body["to"]) == ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z")
    assert (body["total"], body["classes"]) == (2, 1)
    assert body["by_day"] == [{"day": "2026-01-31", "predictions": 2}]
    assert body["by_class"] == [{"predicted_class": "espresso", "predictions": 2}]
    assert body["confidence"]["mean"] == 0.9375
    assert body["confidence"]["histogram"][9] == {"from": 0.9, "to": 1.0, "count": 2}
    assert (body["latency_ms"]["p50"], body["latency_ms"]["p99"]) == (12, 6000)
    assert body["latency_ms"]["histogram"][12] == {"from": 5000, "to": None, "count": 1}


def test_nothing(house: House) -> None:
    """Without predictions there are zeros, and null where there is no number."""
    body = house.get(STATS).json
    assert body["total"] == 0
    assert body["confidence"]["mean"] is body["latency_ms"]["p95"] is None


def test_version(house: House) -> None:
    """The numbers can be those of one model version."""
    house.stats.rows += [prediction(house.ada), prediction(house.ada, model_version="v2")]
    assert house.get(STATS, **DAY, model_version="v2").json["total"] == 1


def test_others(house: House) -> None:
    """Another user's numbers do not exist; an administrator sees them and leaves a line."""
    house.stats.rows.append(prediction(house.ada, created_at=NOON))
    asked = {**DAY, "user_id": house.ada}
    assert house.get(STATS, user=house.bob, **asked).status_code == 404
    assert house.trail.lines == []
    assert house.get(STATS, user=house.bob, admin=True, **asked).json["total"] == 1
    assert len(house.trail.lines) == 1


@pytest.mark.parametrize(("name", "value"), [
    ("from", "yesterday"), ("to", "2026-02-30"), ("user_id", "ada"), ("model_version", "v" * 256),
    ("from", "2999-01-01T00:00:00Z")])
def test_refused(house: House, name: str, value: str) -> None:
    """What cannot be understood is refused by name."""
    answer = house.get(STATS, **{"to": "2026-02-01", name: value})
    assert (answer.status_code, name in answer.json["detail"]) == (422, True)


def test_database_gone(house: House) -> None:
    """Without the database the answer is to come again."""
    house.stats.down = True
    assert house.get(STATS).status_code == 503
