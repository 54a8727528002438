"""The copies of the buckets: whole, without what is gone, and held against their digests."""
from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import StoreUnavailable
from deploy.jobs.buckets import DamagedBackup, restore, save
from tests.fakes.storage import InMemoryObjectStore

KEYS = ("2026/01/31/a.jpg", "uploads/user/../..", "uploads/user//b\n.jpg", f"v1/{'x' * 900}")


@pytest.fixture
def store() -> InMemoryObjectStore:
    store = InMemoryObjectStore()
    for number, key in enumerate(KEYS):
        store.put(key, bytes(number), "image/jpeg")
    return store


def test_round_trip(store: InMemoryObjectStore, tmp_path: Path) -> None:
    """Whatever the keys, an empty bucket gets back every object with its media type."""
    saved = save(store, tmp_path)
    assert {each.key for each in saved} == set(KEYS)
    empty = InMemoryObjectStore()
    assert len(restore(empty, tmp_path)) == len(KEYS)
    assert empty.objects == store.objects


def test_nothing_to_restore(store: InMemoryObjectStore, tmp_path: Path) -> None:
    """What is there already is left alone; what was overwritten is put back."""
    save(store, tmp_path)
    assert restore(store, tmp_path) == []
    store.put(KEYS[0], b"other bytes", "image/png")
    store.put("new", b"", "image/png")
    assert [each.key for each in restore(store, tmp_path)] == [KEYS[0]]
    assert "new" in store.objects


def test_second_save(store: InMemoryObjectStore, tmp_path: Path) -> None:
    """A second save fetches what is new, and keeps nothing of what was removed or replaced."""
    save(store, tmp_path)
    store.delete(KEYS[0])
    store.put(KEYS[1], b"other bytes", "image/png")
    saved = save(store, tmp_path)
    assert {each.key for each in saved} == set(KEYS[1:])
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {*(each.path(tmp_path) for each in saved), tmp_path / "index.ndjson"}


def test_store_away(store: InMemoryObjectStore, tmp_path: Path) -> None:
    """A save that fails leaves the backup as it was."""
    save(store, tmp_path)
    index = (tmp_path / "index.ndjson").read_bytes()
    store.down = True
    with pytest.raises(StoreUnavailable):
        save(store, tmp_path)
    assert (tmp_path / "index.ndjson").read_bytes() == index


@pytest.mark.parametrize("damage", ["changed", "lost"])
def test_damage(store: InMemoryObjectStore, tmp_path: Path, damage: str) -> None:
    """A file that changed or is lost is named, and is not put into the bucket."""
    path = next(each for each in save(store, tmp_path) if each.key == KEYS[1]).path(tmp_path)
    if damage == "changed":
        path.write_bytes(b"something else")
    else:
        path.unlink()
    empty = InMemoryObjectStore()
    with pytest.raises(DamagedBackup, match=path.name):
        restore(empty, tmp_path)
    assert KEYS[1] not in empty.objects
