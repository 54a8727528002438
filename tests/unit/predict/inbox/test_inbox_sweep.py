"""The sweep: uploads that nothing announced are taken in, by one process at a time."""
from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client import CollectorRegistry

from common.errors import DatabaseUnavailable, StoreUnavailable
from predict.inbox.events import StorageEvent
from predict.inbox.reconcile import Differences, Reconciler
from predict.inbox.sweep import DAYS, FIRST_DAYS, Sweeper, SweepReport, SweepTimer
from predict.inbox.telemetry import InboxTelemetry
from tests.fakes.clock import FakeClock
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.picture_index import InMemoryPictureIndex, InMemorySweepLock
from tests.fakes.storage import InMemoryObjectStore
from tests.unit.predict.inbox.intake import USER

FOLDER = f"uploads/{USER}/"
PATIENCE_SECONDS = 20.0


class Watch(InMemoryInbox):
    """An inbox that remembers how many events it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def adopt(self, events: Sequence[StorageEvent]) -> int:
        self.batches.append(len(events))
        return super().adopt(events)


class House:
    """A sweeper with everything around it in memory."""

    def __init__(self) -> None:
        self.store = InMemoryObjectStore()
        self.inbox = Watch()
        self.index = InMemoryPictureIndex()
        self.lock = InMemorySweepLock()
        self.registry = CollectorRegistry()
        self.sweeper = Sweeper(
            self.store, self.inbox, Reconciler(self.store, self.index), self.lock, "images",
            InboxTelemetry(self.registry))

    def put(self, *keys: str) -> None:
        for key in keys:
            self.store.put(key, key.encode(), "image/png")

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"imgclass_{name}", labels)


@pytest.fixture
def house() -> House:
    return House()


def test_old_events_are_forgotten(house: House) -> None:
    """A sweep forgets events that ended more than 30 days ago."""
    house.inbox.announce([StorageEvent("images", FOLDER + "cup.png", etag="e")])
    got = house.inbox.claim(60, False)
    assert got is not None
    house.inbox.supersede(got, "why")
    (row,) = house.inbox.rows.values()
    for days, kept in ((29, 1), (31, 0)):
        row.finished_at = datetime.now(timezone.utc) - timedelta(days=days)
        house.sweeper.sweep(0)
        assert len(house.inbox.rows) == kept


def test_nothing(house: House) -> None:
    """Nothing is found in an empty bucket."""
    assert house.sweeper.sweep(0) == SweepReport(0, 0, None)


def test_adopted(house: House) -> None:
    """An upload that nothing announced is taken in as it lies there, once."""
    house.inbox.users.add(USER)
    house.put(f"{FOLDER}a b+ä.png")
    assert house.sweeper.sweep(0) == SweepReport(1, 1, None)
    event = house.inbox.claim(60, False)
    assert event is not None
    (listed,) = house.store.list("")
    assert (event.object_key, event.etag, event.size_bytes) == (
        f"{FOLDER}a b+ä.png", listed.etag, listed.size)
    assert (event.user_id, event.owner_known, event.version_id) == (USER, True, "")
    (row,) = house.inbox.rows.values()
    assert (row.announced_by, row.event.written_at) == ("sweep", listed.modified)
    assert house.sweeper.sweep(0) == SweepReport(1, 0, None)


def test_announced_before(house: House) -> None:
    """What was announced is no find."""
    house.put(f"{FOLDER}a.png")
    (listed,) = house.store.list("")
    house.inbox.announce([StorageEvent("images", listed.key, etag=listed.etag)])
    assert house.sweeper.sweep(0) == SweepReport(1, 0, None)


def test_written_again(house: House) -> None:
    """Other bytes in the same place are another find."""
    house.put(f"{FOLDER}a.png")
    house.sweeper.sweep(0)
    house.store.put(f"{FOLDER}a.png", b"other", "image/png")
    assert house.sweeper.sweep(0) == SweepReport(1, 1, None)


def test_what_is_no_upload(house: House) -> None:
    """Folders are passed over, and what lies elsewhere or has a key too long for the table."""
    house.put("uploads/", FOLDER, f"{FOLDER}folder/", ".uploads/part", "uploads2/a.png",
              "2026/01/31/a.png", "quarantine/uploads/a.png", f"{FOLDER}{'x' * 1000}")
    assert house.sweeper.sweep(0) == SweepReport(0, 0, None)
    assert house.inbox.rows == {}


def test_nobodys_upload(house: House) -> None:
    """An upload in nobody's prefix is taken in all the same: somebody is to be told."""
    house.put("uploads/a.png", "uploads/somebody/a.png")
    assert house.sweeper.sweep(0) == SweepReport(2, 2, None)


def test_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many uploads there are, they are taken in a few at a time."""
    monkeypatch.setattr("predict.inbox.sweep.BATCH", 3)
    house.put(FOLDER, *(f"{FOLDER}{number}.png" for number in range(10)))
    assert house.sweeper.sweep(0) == SweepReport(10, 10, None)
    assert house.inbox.batches == [2, 3, 3, 2]


def test_sweeping_elsewhere(house: House) -> None:
    """While another process sweeps, this one does nothing."""
    house.put(f"{FOLDER}a.png", "2020/01/01/a.png")
    with house.lock.attempt():
        assert house.sweeper.sweep(10_000) is None
    assert house.inbox.rows == {}
    assert house.sweeper.sweep(0) is not None


def test_compared(house: House) -> None:
    """Asked for, pictures and rows are compared as well."""
    now = datetime.now(timezone.utc)
    key = f"{now - timedelta(days=1):%Y/%m/%d}/a.png"
    house.put(key, f"{FOLDER}a.png")
    house.store.modified[key] = now - timedelta(days=1)
    assert house.sweeper.sweep(0) == SweepReport(1, 1, None)
    assert house.sweeper.sweep(1) == SweepReport(1, 0, Differences())
    assert house.sweeper.sweep(2) == SweepReport(1, 0, Differences(objects_without_row=1))
    assert f"quarantine/{key}" in house.store.objects


def test_metrics(house: House) -> None:
    """What a sweep finds is counted, and what is left to do."""
    house.put(f"{FOLDER}1.png", f"{FOLDER}2.png")
    house.sweeper.sweep(1)
    house.sweeper.sweep(1)
    event = house.inbox.claim(60, False)
    assert event is not None
    house.inbox.bury(event, "not_a_picture", "why")
    house.sweeper.sweep(0)
    assert house.metric("sweep_adopted_uploads_total") == 2
    assert house.metric("sweep_differences_total", kind="objects_without_row") == 0
    assert house.metric("inbox_backlog", state="pending") == 1
    assert house.metric("inbox_backlog", state="dead") == 1


def test_outages(house: House) -> None:
    """An outage ends a sweep, not those to come."""
    house.put(f"{FOLDER}a.png")
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        house.sweeper.sweep(0)
    house.store.down = False
    for part in (house.lock, house.inbox):
        part.down = True
        with pytest.raises(DatabaseUnavailable):
            house.sweeper.sweep(0)
        part.down = False
    house.index.down = True
    with pytest.raises(DatabaseUnavailable):
        house.sweeper.sweep(1)
    assert house.sweeper.sweep(0) == SweepReport(1, 0, None)


class Script:
    """Sweeps that go as told; afterwards it rests for ever."""

    def __init__(self, *steps: SweepReport | Exception | None) -> None:
        self.steps = [*steps]
        self.days: list[int] = []
        self.ended = threading.Event()

    def sweep(self, days: int) -> SweepReport | None:
        if not self.steps:
            self.ended.set()
            threading.Event().wait()
        self.days.append(days)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def test_timer() -> None:
    """A timer outlives outages, and compares far back at first."""
    script = Script(
        StoreUnavailable(), RuntimeError("whatever"), SweepReport(3, 2, Differences()), None,
        SweepReport(3, 0, None), DatabaseUnavailable(), SweepReport(4, 1, None))
    SweepTimer(script.sweep, 0.001).start()
    assert script.ended.wait(PATIENCE_SECONDS)
    assert script.days == [FIRST_DAYS, FIRST_DAYS, FIRST_DAYS, 0, 0, 0, 0]


def test_timer_compares_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hour pictures and rows are compared again, not so far back."""
    monkeypatch.setattr("predict.inbox.sweep.time", FakeClock())
    script = Script(*[SweepReport(0, 0, None)] * 9)
    SweepTimer(script.sweep, 1000.0).start()
    assert script.ended.wait(PATIENCE_SECONDS)
    assert script.days == [FIRST_DAYS, 0, 0, 0, DAYS, 0, 0, 0, DAYS]
