"""Removing the objects of what was erased: all of them, only them, whatever fails."""
from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from common.audit import Origin
from common.errors import StoreUnavailable
from common.purging import purge
from common.storage import ObjectVersion
from history.erasure.repository import ErasureClaim, ObjectToRemove
from history.erasure.worker import BATCH_OBJECTS, ErasureWorker
from tests.fakes.erasures import InMemoryErasures, Row
from tests.fakes.storage import InMemoryObjectStore

ADA = uuid.uuid4()
LEASE = 60.0


class Rig:
    """A worker with what it works on."""

    def __init__(self) -> None:
        self.erasures = InMemoryErasures()
        self.store = InMemoryObjectStore()
        self.worker = ErasureWorker(self.erasures, self.store)

    def add_images(self, count: int) -> None:
        for _ in range(count):
            image_id = uuid.uuid4()
            self.erasures.images[image_id] = ADA, f"2026/01/31/{image_id}.jpg"
            self.store.put(f"2026/01/31/{image_id}.jpg", b"picture", "image/jpeg")

    def erase(self) -> ErasureClaim:
        claim = self.erasures.erase_user(ADA, Origin(), LEASE).claim
        assert claim is not None
        return claim

    def work(self, claim: ErasureClaim, seconds: float = 60.0) -> bool:
        return self.worker.work(claim, time.monotonic() + seconds)

    def row(self) -> Row:
        (row,) = self.erasures.rows.values()
        return row

    def wait_until_finished(self) -> None:
        deadline = time.monotonic() + 20
        while self.erasures.unfinished():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_many(rig: Rig) -> None:
    """However many pictures somebody has, all go."""
    rig.add_images(2 * BATCH_OBJECTS + 3)
    assert rig.work(rig.erase())
    assert rig.store.objects == {}


def test_out_of_time(rig: Rig) -> None:
    """A request does not wait for all of them; the rest goes in the background, at once."""
    rig.add_images(2 * BATCH_OBJECTS)
    assert not rig.work(rig.erase(), seconds=0)
    assert len(rig.store.objects) == BATCH_OBJECTS
    assert rig.row().reason == "Its objects are being removed."
    assert rig.worker.drain(60) == 1
    assert rig.store.objects == {}
    assert rig.row().reason is None


def test_thread(rig: Rig) -> None:
    """What a process that died has left is taken up by the next that starts."""
    rig.add_images(3)
    rig.erasures.erase_user(ADA, Origin(), 0)
    rig.worker.start()
    rig.wait_until_finished()
    assert rig.store.objects == {}


def test_thread_outlives_outages(rig: Rig) -> None:
    """Without database or store the thread waits, and then goes on."""
    rig.add_images(1)
    rig.store.down = rig.erasures.down = True
    rig.worker.start()
    rig.erasures.down = False
    claim = rig.erase()
    assert not rig.work(claim)
    rig.store.down = False
    rig.row().due_at = datetime.now(timezone.utc)
    rig.worker.wake()
    rig.wait_until_finished()
    assert rig.store.objects == {}


def test_ever_later(rig: Rig) -> None:
    """An erasure that fails again and again is tried ever less often, for five minutes at most."""
    rig.add_images(1)
    rig.store.down = True
    claim, delays = rig.erase(), []
    for attempt in (1, 2, 3, 30, 3000):
        rig.row().attempts = attempt
        rig.row().lease_token = claim.lease_token
        assert not rig.work(ErasureClaim(**{**vars(claim), "attempts": attempt}))
        delays.append(round((rig.row().due_at - datetime.now(timezone.utc)).total_seconds()))
    assert delays == [1, 2, 4, 300, 300]


def test_failure_nobody_foresaw(rig: Rig) -> None:
    """Whatever goes wrong, the erasure is put back and says why."""
    rig.add_images(1)

    def fail(prefix: str) -> Iterator[ObjectVersion]:
        raise RuntimeError("out of order\0")

    rig.store.versions = fail  # type: ignore[method-assign]
    assert not rig.work(rig.erase())
    assert (rig.row().finished_at, rig.row().lease_token) == (None, None)
    assert rig.row().reason == "Unexpected: RuntimeError('out of order\\x00')"


def test_partly_removed(rig: Rig) -> None:
    """What a first attempt has removed is no obstacle to the second."""
    rig.add_images(3)
    delete, removed = rig.store.delete, []

    def fail_later(key: str, version_id: str = "") -> None:
        if removed:
            raise StoreUnavailable()
        removed.append(key)
        delete(key, version_id)

    rig.store.delete = fail_later  # type: ignore[method-assign]
    claim = rig.erase()
    assert not rig.work(claim)
    assert len(rig.store.objects) == 2
    rig.store.delete = delete  # type: ignore[method-assign]
    rig.row().due_at = datetime.now(timezone.utc)
    assert rig.worker.drain(60) == 1
    assert rig.store.objects == {}


def test_object_that_is_still_being_written(rig: Rig) -> None:
    """What may still appear is waited for; until then the erasure is not finished."""
    claim, now = rig.erase(), datetime.now(timezone.utc)
    doomed = ObjectToRemove("2026/01/31/late.jpg", "")
    rig.row().objects[doomed] = now + timedelta(seconds=30)
    assert not rig.work(claim)
    assert rig.row().due_at == now + timedelta(seconds=30)
    rig.store.put(doomed.key, b"late", "image/jpeg")
    rig.row().objects[doomed] = rig.row().due_at = now
    assert rig.worker.drain(60) == 1
    assert rig.store.objects == {}


def test_taken_over(rig: Rig) -> None:
    """A worker that was overtaken leaves the rest, and the end, to its successor."""
    rig.add_images(1)
    claim = rig.erase()
    rig.row().lease_token = uuid.uuid4()
    assert not rig.work(claim)
    assert rig.row().finished_at is None


def test_uploads_of_who_came_back(rig: Rig) -> None:
    """What a user has put there since is left: the user has come back."""
    for name, age in (("old.jpg", -60), ("new.jpg", 60)):
        key = f"uploads/{ADA}/{name}"
        rig.store.put(key, b"upload", "image/jpeg")
        rig.store.modified[key] = datetime.now(timezone.utc) + timedelta(seconds=age)
    assert rig.work(rig.erase())
    assert set(rig.store.objects) == {f"uploads/{ADA}/new.jpg"}


def test_upload_that_was_replaced(rig: Rig) -> None:
    """Of an upload those bytes are removed that were classified; others under its key stay."""
    kept, gone = "uploads/1/kept.jpg", "uploads/1/gone.jpg"
    for key in (kept, gone):
        rig.store.put(key, key.encode(), "image/jpeg")
    (version,) = rig.store.versions(gone)
    claim, now = rig.erase(), datetime.now(timezone.utc)
    rig.row().objects = {ObjectToRemove(key, version.etag): now for key in (kept, gone)}
    assert rig.work(claim)
    assert set(rig.store.objects) == {kept}


class VersionedStore(InMemoryObjectStore):
    """A store whose versions are given."""

    def __init__(self, *versions: ObjectVersion) -> None:
        super().__init__()
        self.kept = list(versions)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        yield from [each for each in self.kept if each.key.startswith(prefix)]

    def delete(self, key: str, version_id: str = "") -> None:
        self.kept = [each for each in self.kept if (each.key, each.version_id) != (
            key, version_id)]


NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
FIRST = ObjectVersion("a.jpg", "1", "e1", NOW)
SECOND = ObjectVersion("a.jpg", "2", "e2", NOW + timedelta(hours=1))
MARK = ObjectVersion("a.jpg", "3", "", NOW + timedelta(hours=2))
NEIGHBOUR = ObjectVersion("a.jpg.bak", "1", "e1", NOW)


@pytest.mark.parametrize(("etag", "until", "left"), [
    ("", None, [NEIGHBOUR]),
    ("e1", None, [SECOND, MARK, NEIGHBOUR]),
    ("e2", NOW, [FIRST, SECOND, MARK, NEIGHBOUR]),
    ("", NOW, [SECOND, MARK, NEIGHBOUR]),
    ("e3", None, [FIRST, SECOND, MARK, NEIGHBOUR])])
def test_purge(etag: str, until: datetime | None, left: list[ObjectVersion]) -> None:
    """Versions go by ETag and time; marks of deletion once nothing else is left of the key."""
    store = VersionedStore(FIRST, SECOND, MARK, NEIGHBOUR)
    purge(store, "a.jpg", etag, until)
    assert store.kept == left


def test_purge_of_a_mark() -> None:
    """A key of which only the mark of its deletion is left is forgotten."""
    store = VersionedStore(MARK, NEIGHBOUR)
    purge(store, "a.jpg", "e1", NOW)
    assert store.kept == [NEIGHBOUR]
