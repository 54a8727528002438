"""Pictures and rows held against each other: put aside, given back, or marked."""
from __future__ import annotations

import logging
import string
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DatabaseUnavailable, StoreUnavailable
from common.picture_store import QUARANTINE
from predict.inbox.reconcile import MIN_AGE, Differences, Reconciler
from tests.fakes.picture_index import InMemoryPictureIndex
from tests.fakes.storage import InMemoryObjectStore

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)
OLD = NOW - MIN_AGE - timedelta(seconds=1)
NEW = NOW - MIN_AGE + timedelta(seconds=1)
TODAY, YESTERDAY, BEFORE = "2026/03/01/", "2026/02/28/", "2026/02/27/"
NOTHING = Differences()


class Album:
    """A bucket and an index."""

    def __init__(self) -> None:
        self.store = InMemoryObjectStore()
        self.index = InMemoryPictureIndex()

    def put(self, key: str, modified: datetime = OLD) -> None:
        """Store an object that was written some time ago."""
        self.store.put(key, key.removeprefix(QUARANTINE).encode(), "image/png")
        self.store.modified[key] = modified

    def add(self, key: str, created_at: datetime = OLD) -> None:
        """Add a row."""
        self.index.pictures[key] = created_at

    def compare(self, days: int = 1) -> Differences:
        return Reconciler(self.store, self.index).compare(days, NOW)

    def keys(self) -> set[str]:
        """What is in the bucket, each with the bytes it was stored with."""
        for key, (data, content_type) in self.store.objects.items():
            assert (data.decode(), content_type) == (key.removeprefix(QUARANTINE), "image/png")
        return set(self.store.objects)


@pytest.fixture
def album() -> Album:
    return Album()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of a listing small enough for a test to have many."""
    monkeypatch.setattr("predict.inbox.reconcile.BATCH", 3)


def test_nothing(album: Album) -> None:
    """Of nothing, nothing is missing."""
    assert album.compare() == NOTHING


def test_in_order(album: Album) -> None:
    """Pictures with both halves stay as they are."""
    keys = {f"{TODAY}{number}.png" for number in range(10)}
    for key in keys:
        album.put(key)
        album.add(key)
    assert album.compare() == NOTHING
    assert album.keys() == keys
    assert album.index.missing == {}


def test_object_without_row(album: Album, caplog: pytest.LogCaptureFixture) -> None:
    """An object without a row is put aside, not removed."""
    album.put(f"{TODAY}a.png")
    with caplog.at_level(logging.WARNING):
        assert album.compare() == Differences(objects_without_row=1)
    assert album.keys() == {f"quarantine/{TODAY}a.png"}
    assert [vars(record)["key"] for record in caplog.records] == [f"{TODAY}a.png"]
    assert album.compare() == NOTHING


def test_row_without_object(album: Album, caplog: pytest.LogCaptureFixture) -> None:
    """A row whose object is nowhere is marked; the mark says since when."""
    album.add(f"{TODAY}a.png")
    with caplog.at_level(logging.ERROR):
        assert album.compare() == Differences(rows_without_object=1)
    first = dict(album.index.missing)
    assert set(first) == {f"{TODAY}a.png"}
    assert [vars(record)["key"] for record in caplog.records] == [f"{TODAY}a.png"]
    assert album.compare() == Differences(rows_without_object=1)
    assert album.index.missing == first


def test_restored_from_quarantine(album: Album) -> None:
    """A row that comes back, as from a backup, finds its object again."""
    album.put(f"{TODAY}a.png")
    album.compare()
    album.add(f"{TODAY}a.png")
    assert album.compare() == Differences(rows_without_object=1, restored=1)
    assert album.keys() == {f"{TODAY}a.png"}
    assert album.index.missing == {}
    assert album.compare() == NOTHING


def test_missed_and_restored_from_quarantine(album: Album) -> None:
    """A mark goes when the object is taken back from quarantine."""
    album.add(f"{TODAY}a.png")
    album.compare()
    album.put(f"quarantine/{TODAY}a.png")
    assert album.compare() == Differences(rows_without_object=1, restored=1)
    assert album.index.missing == {}


def test_missed_and_there_again(album: Album) -> None:
    """A mark goes when somebody else has brought the object back."""
    album.add(f"{TODAY}a.png")
    album.compare()
    assert set(album.index.missing) == {f"{TODAY}a.png"}
    album.put(f"{TODAY}a.png", NOW)
    assert album.compare() == NOTHING
    assert album.index.missing == {}


def test_young(album: Album) -> None:
    """What is young may still get its other half."""
    album.put(f"{TODAY}a.png", NEW)
    album.add(f"{TODAY}b.png", NEW)
    assert album.compare() == NOTHING
    assert album.keys() == {f"{TODAY}a.png"}
    assert album.index.missing == {}


def test_old_object_of_a_young_row(album: Album) -> None:
    """Age counts for each half: an old object with a young row has both."""
    album.put(f"{TODAY}a.png", OLD)
    album.add(f"{TODAY}a.png", NEW)
    album.put(f"{TODAY}b.png", NEW)
    album.add(f"{TODAY}b.png", OLD)
    assert album.compare() == NOTHING


def test_upload_in_progress(album: Album) -> None:
    """The copy of an upload that is still being classified, however long, is not put aside."""
    event_id = uuid.uuid4()
    album.index.in_progress.add(event_id)
    album.put(f"{TODAY}{event_id}.png")
    album.put(f"{TODAY}{uuid.uuid4()}.png")
    assert album.compare() == Differences(objects_without_row=1)
    assert f"{TODAY}{event_id}.png" in album.keys()


def test_erased(album: Album, caplog: pytest.LogCaptureFixture) -> None:
    """The object of an erased picture that turns up again is removed, not put aside."""
    key = f"{TODAY}{uuid.uuid4()}.png"
    album.put(key)
    album.index.gone.add(uuid.UUID(key.removeprefix(TODAY).removesuffix(".png")))
    with caplog.at_level(logging.WARNING):
        assert album.compare() == Differences(erased=1)
    assert album.keys() == set()
    assert [vars(record)["key"] for record in caplog.records] == [key]
    assert album.compare() == NOTHING


def test_being_removed(album: Album) -> None:
    """What is going to be removed is left to whoever removes it."""
    album.put(f"{TODAY}a.png")
    album.index.doomed.add(f"{TODAY}a.png")
    assert album.compare() == NOTHING
    assert album.keys() == {f"{TODAY}a.png"}


def test_erased_while_it_was_restored(album: Album) -> None:
    """A picture that is erased while it comes back from quarantine does not come back."""
    album.add(f"{TODAY}a.png")
    album.put(f"quarantine/{TODAY}a.png")
    album.store.before_put = lambda: album.index.pictures.clear()
    assert album.compare() == NOTHING
    assert album.keys() == set()


def test_many(album: Album) -> None:
    """Whatever lies in whichever stretch of a listing is found: first, last and in between."""
    names = string.ascii_lowercase
    for name in names:
        if name not in "aegmz":
            album.put(f"{TODAY}{name}.png")
        if name not in "bfhny":
            album.add(f"{TODAY}{name}.png")
    assert album.compare() == Differences(objects_without_row=5, rows_without_object=5)
    assert set(album.index.missing) == {f"{TODAY}{name}.png" for name in "aegmz"}
    assert {key for key in album.keys() if key.startswith(QUARANTINE)} == {
        f"quarantine/{TODAY}{name}.png" for name in "bfhny"}


def test_lost_bucket(album: Album) -> None:
    """If no object is left, every row is marked."""
    for number in range(10):
        album.add(f"{TODAY}{number}.png")
    assert album.compare() == Differences(rows_without_object=10)
    assert len(album.index.missing) == 10


@pytest.mark.parametrize(("days", "compared"), [
    (0, set()), (1, {TODAY}), (2, {TODAY, YESTERDAY}), (3, {TODAY, YESTERDAY, BEFORE})])
def test_days(album: Album, days: int, compared: set[str]) -> None:
    """So many days are compared, across the ends of months; others are left alone."""
    folders = {TODAY, YESTERDAY, BEFORE, "2026/03/02/"}
    for folder in folders:
        album.put(f"{folder}a.png")
        album.add(f"{folder}b.png")
    assert album.compare(days) == Differences(len(compared), len(compared))
    assert album.keys() == {f"quarantine/{folder}a.png" for folder in compared} | {
        f"{folder}a.png" for folder in folders - compared}
    assert set(album.index.missing) == {f"{folder}b.png" for folder in compared}


@pytest.mark.parametrize("key", [
    "2026/03/010/a.png", "2026/03/01", "2026/03/01.png", "2026/03/0/a.png", "uploads/a.png",
    "2026/03/1/a.png", "quarantine/2026/03/01/a.png", "models/a.zip"])
def test_other_places(album: Album, key: str) -> None:
    """What does not lie in a day's folder is nobody's business here."""
    album.put(key)
    album.add(f"{key}.lost")
    assert album.compare() == NOTHING
    assert album.keys() == {key}


def test_removed_meanwhile(album: Album) -> None:
    """An object that is removed between the look and the move is no error."""
    album.put(f"{TODAY}a.png")
    without_row = album.index.without_row

    def remove_and_look(keys: list[str]) -> set[str]:
        album.store.delete(f"{TODAY}a.png")
        return without_row(keys)

    album.index.without_row = remove_and_look  # type: ignore[method-assign,assignment]
    album.compare()
    assert album.keys() == set()


def test_stored_meanwhile(album: Album) -> None:
    """An object that was not in the listing, but is there by now, is not missing."""
    album.add(f"{TODAY}a.png")
    between = album.index.between

    def store_and_look(after: str, until: str, before: datetime) -> list[str]:
        album.put(f"{TODAY}a.png")
        return between(after, until, before)

    album.index.between = store_and_look  # type: ignore[method-assign]
    assert album.compare() == NOTHING
    assert album.index.missing == {}


def test_outages(album: Album) -> None:
    """What cannot be asked is not missing; the caller is told."""
    album.put(f"{TODAY}a.png")
    album.add(f"{TODAY}b.png")
    album.index.down = True
    with pytest.raises(DatabaseUnavailable):
        album.compare()
    album.index.down, album.store.down = False, True
    with pytest.raises(StoreUnavailable):
        album.compare()
    assert (set(album.store.objects), album.index.missing) == ({f"{TODAY}a.png"}, {})


names = st.sets(st.text("ab-/ä😀", min_size=1, max_size=3), max_size=8)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(names, names, names)
def test_any(objects: set[str], rows: set[str], aside: set[str]) -> None:
    """Whatever is where, afterwards each row has its object or a mark, and each object a row."""
    album = Album()
    for name in objects:
        album.put(TODAY + name)
    for name in rows:
        album.add(TODAY + name)
    for name in aside:
        album.put(QUARANTINE + TODAY + name)
    found = album.compare()
    keys = {key.removeprefix(TODAY) for key in album.keys() if key.startswith(TODAY)}
    missing = {key.removeprefix(TODAY) for key in album.index.missing}
    assert keys == rows & (objects | aside)
    assert missing == rows - keys
    assert found == Differences(
        len(objects - rows), len(rows - objects), len((rows - objects) & aside))
