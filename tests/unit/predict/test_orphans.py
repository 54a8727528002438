"""Pictures without a row are found, named once, and left alone."""
from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client import CollectorRegistry

from common.errors import DatabaseUnavailable, StoreUnavailable
from predict.orphans import MIN_AGE, OrphanWatch
from predict.telemetry import Telemetry
from tests.fakes.repository import InMemoryPredictionRepository
from tests.fakes.storage import InMemoryObjectStore
from tests.records import record

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
LONG_AGO = NOW - timedelta(hours=3)


class House:
    """A watch with the store and the rows it compares."""

    def __init__(self) -> None:
        self.store = InMemoryObjectStore()
        self.repository = InMemoryPredictionRepository("v1")
        self.registry = CollectorRegistry()
        self.watch = OrphanWatch(self.store, self.repository, Telemetry(self.registry))

    def put(self, key: str, modified: datetime = LONG_AGO) -> str:
        self.store.put(key, b"x", "image/jpeg")
        self.store.modified[key] = modified
        return key


@pytest.fixture
def house() -> House:
    return House()


def test_only_objects_without_a_row(house: House) -> None:
    """An object with its row is in order, one without is found and stays."""
    house.repository.record(record(object_key=house.put("2026/03/01/with.jpg")))
    orphan = house.put("2026/03/01/without.jpg")
    assert house.watch.look(2, NOW) == [orphan]
    assert orphan in house.store.objects
    assert house.registry.get_sample_value("imgclass_objects_without_row") == 1


def test_young_objects_may_still_get_their_row(house: House) -> None:
    """An object is not suspected before its time."""
    house.put("2026/03/01/young.jpg", NOW - MIN_AGE + timedelta(seconds=1))
    old = house.put("2026/03/01/old.jpg", NOW - MIN_AGE)
    assert house.watch.look(2, NOW) == [old]


def test_days(house: House) -> None:
    """As many days are looked at as asked, across the end of a month, and uploads never."""
    days = [house.put(f"2026/02/{day}/a.jpg") for day in (26, 27, 28)]
    house.put("uploads/ada/a.jpg")
    assert house.watch.look(3, NOW) == days[1:]


def test_more_than_a_batch(house: House) -> None:
    """However many there are, all are found."""
    keys = [house.put(f"2026/03/01/{number:04}.jpg") for number in range(2500)]
    assert house.watch.look(1, NOW) == keys


def test_named_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Looking again does not fill the log."""
    house.put("2026/03/01/without.jpg")
    with caplog.at_level(logging.WARNING):
        house.watch.look(1, NOW)
        house.watch.look(1, NOW)
    assert [each.message for each in caplog.records] == ["a picture without a row"]


def test_outages_are_no_findings(house: House) -> None:
    """Who cannot be asked knows of no orphan."""
    house.put("2026/03/01/without.jpg")
    house.repository.down = True
    with pytest.raises(DatabaseUnavailable):
        house.watch.look(1, NOW)
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        house.watch.look(1, NOW)
