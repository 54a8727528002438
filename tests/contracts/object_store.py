"""The contract of ObjectStore, and the adapters that keep it."""
from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from common.config import StoreSettings
from common.errors import NotFound, ObjectChanged, StoreUnavailable
from common.quick_store import QuickObjectStore
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.storage import ObjectStore, Writing


def _s3_object_store(settings: StoreSettings, bucket: str, connections: int) -> ObjectStore:
    return S3ObjectStore(s3_client(settings, connections), bucket)


# Each makes a store of settings, a bucket's name and a number of connections.
Adapter = Callable[[StoreSettings, str, int], ObjectStore]
ADAPTERS: dict[str, Adapter] = {"boto3": _s3_object_store, "quick": QuickObjectStore}
WRITING = Writing("d41d8cd98f00b204e9800998ecf8427e", datetime.now(timezone.utc))


def read(store: ObjectStore, key: str) -> bytes:
    return b"".join(store.get(key).chunks)


class ObjectStoreContract:
    """Subclasses give the fixtures `store`, `unreachable_store` and `bucketless_store`."""

    @pytest.fixture
    def key(self) -> str:
        return f"2026/01/31/{uuid.uuid4()}.jpg"

    def test_put_and_get(self, store: ObjectStore, key: str) -> None:
        """Bytes, size and media type come back as they were stored."""
        data = bytes(range(256)) * 10
        store.put(key, data, "image/jpeg")
        stored = store.get(key)
        assert (stored.size, stored.content_type) == (2560, "image/jpeg")
        assert b"".join(stored.chunks) == data

    def test_put_replaces(self, store: ObjectStore, key: str) -> None:
        """What lay under the key before is gone."""
        store.put(key, b"a long first version", "image/jpeg")
        store.put(key, b"second", "image/png")
        assert read(store, key) == b"second"
        assert store.get(key).content_type == "image/png"

    def test_empty_object(self, store: ObjectStore, key: str) -> None:
        """An object may be empty and is there all the same."""
        store.put(key, b"", "image/png")
        assert (store.get(key).size, read(store, key)) == (0, b"")

    def test_large_object(self, store: ObjectStore, key: str) -> None:
        """Ten megabytes, the largest picture, come back unchanged."""
        data = os.urandom(10 * 1024 * 1024)
        store.put(key, data, "image/png")
        assert read(store, key) == data

    def test_list(self, store: ObjectStore) -> None:
        """Exactly the objects below a prefix are listed, in order, with the time of writing."""
        folder = f"listed/{uuid.uuid4()}"
        started = datetime.now(timezone.utc) - timedelta(seconds=5)
        for name in ("b.jpg", "a b+ä.jpg", "c/d.jpg"):
            store.put(f"{folder}/{name}", b"x", "image/jpeg")
        store.put(f"{folder}-other.jpg", b"x", "image/jpeg")
        listed = list(store.list(f"{folder}/"))
        assert [each.key for each in listed] == [
            f"{folder}/{name}" for name in ("a b+ä.jpg", "b.jpg", "c/d.jpg")]
        assert all(started <= each.modified <= datetime.now(timezone.utc) + timedelta(seconds=5)
                   for each in listed)
        assert list(store.list(f"{folder}/nothing")) == []

    def test_list_tells_which_writing(self, store: ObjectStore) -> None:
        """A listed object has the size, and the ETag, that reading it gives."""
        key = f"listed/{uuid.uuid4()}/a.jpg"
        store.put(key, b"12345", "image/jpeg")
        (listed,) = store.list(key)
        stored = store.get(key)
        assert (listed.size, listed.etag) == (5, stored.writing.etag)
        assert listed.modified.replace(microsecond=0) == stored.writing.modified

    def test_exists(self, store: ObjectStore, key: str) -> None:
        """An object is there from when it is stored until it is deleted."""
        assert not store.exists(key)
        store.put(key, b"", "image/jpeg")
        assert store.exists(key)
        store.delete(key)
        assert not store.exists(key)

    def test_copy(self, store: ObjectStore, key: str) -> None:
        """A copy has the same bytes, and the media type it is given; the source stays."""
        source = f"uploads/{uuid.uuid4()}/Größe a+b%20 c.jpg"
        store.put(source, b"picture", "image/webp")
        store.copy(source, key, "image/png", store.get(source).writing)
        assert store.get(key).content_type == "image/png"
        store.copy(source, key)
        assert store.get(key).content_type == "image/webp"
        assert read(store, key) == read(store, source) == b"picture"

    def test_copy_of_what_was_overwritten(self, store: ObjectStore, key: str) -> None:
        """Another object in the source's place is not copied."""
        store.put("uploads/source.jpg", b"first", "image/jpeg")
        first = store.get("uploads/source.jpg").writing
        store.put("uploads/source.jpg", b"second", "image/jpeg")
        with pytest.raises(ObjectChanged):
            store.copy("uploads/source.jpg", key, "image/jpeg", first)
        assert not store.exists(key)

    def test_copy_of_nothing(self, store: ObjectStore, key: str) -> None:
        """A source that is gone is named."""
        with pytest.raises(NotFound, match="no/such/source"):
            store.copy("no/such/source", key, "image/jpeg", WRITING)

    def test_delete_writing(self, store: ObjectStore, key: str) -> None:
        """An object is removed if it is the one that was read; again, it is no error."""
        store.put(key, b"first", "image/jpeg")
        first = store.get(key).writing
        store.put(key, b"second", "image/jpeg")
        store.delete_writing(key, first)
        assert read(store, key) == b"second"
        second = store.get(key).writing
        store.delete_writing(key, second)
        store.delete_writing(key, second)
        assert not store.exists(key)

    def test_list_of_an_unreachable_store(self, unreachable_store: ObjectStore) -> None:
        """Who cannot be asked is unavailable, not empty."""
        for listing in (unreachable_store.list, unreachable_store.versions):
            with pytest.raises(StoreUnavailable):
                list(listing(""))

    @pytest.mark.parametrize("name", [
        "plain.jpg", "Größe 寸法 📷.jpg", "a+b&c=d?e#f%20.jpg", "sp ace.jpg", "quote\"'.jpg"])
    def test_any_key(self, store: ObjectStore, name: str) -> None:
        """A key may hold whatever a file name may."""
        key = f"uploads/{uuid.uuid4()}/{name}"
        store.put(key, name.encode(), "image/jpeg")
        assert read(store, key) == name.encode()
        store.delete(key)
        with pytest.raises(NotFound):
            store.get(key)

    def test_missing_object(self, store: ObjectStore, key: str, tmp_path: Path) -> None:
        """Reading what is not there names the key."""
        with pytest.raises(NotFound, match=key):
            store.get(key)
        with pytest.raises(NotFound, match=key):
            store.download(key, tmp_path / "file")

    @pytest.mark.parametrize("name", [
        "a" * 256, "uploads/" + "ä" * 200 + ".jpg", "a/" * 600, "a//b", "../b", "a/../b", "./b",
        "/b", "b/", "a\\b"])
    def test_keys_that_cannot_be(self, store: ObjectStore, tmp_path: Path, name: str) -> None:
        """Under a key that a store does not allow there is nothing."""
        key = f"{uuid.uuid4()}/{name}"
        assert not store.exists(key)
        for attempt in (
            lambda: store.get(key), lambda: store.copy(key, "there"),
            lambda: store.copy(key, "there", "image/png", WRITING),
            lambda: store.download(key, tmp_path / "file"),
        ):
            with pytest.raises(NotFound):
                attempt()
        store.delete_writing(key, WRITING)
        store.delete(key)

    def test_delete(self, store: ObjectStore, key: str) -> None:
        """A deleted object is gone."""
        store.put(key, b"data", "image/jpeg")
        store.delete(key)
        with pytest.raises(NotFound):
            store.get(key)

    def test_delete_what_is_not_there(self, store: ObjectStore, key: str) -> None:
        """Deleting twice, or what never was, is no error."""
        store.delete(key)
        store.delete(key)

    def test_versions(self, store: ObjectStore) -> None:
        """What lies below a prefix is listed as versions too, and is gone once each is deleted."""
        folder = f"listed/{uuid.uuid4()}"
        names = ("a b+ä.jpg", "a b+ä.jpg.bak", "b.jpg")
        for name in names:
            store.put(f"{folder}/{name}", name.encode(), "image/jpeg")
        found = list(store.versions(f"{folder}/"))
        assert [each.key for each in found] == [f"{folder}/{name}" for name in names]
        listed = {each.key: each for each in store.list(f"{folder}/")}
        for each in found:
            assert (each.etag, each.modified) == (
                listed[each.key].etag, listed[each.key].modified)
            for _ in range(2):
                store.delete(each.key, each.version_id)
        assert list(store.versions(f"{folder}/")) == []
        assert list(store.list(f"{folder}/")) == []

    @pytest.mark.parametrize("size", [0, 1000, 20 * 1024 * 1024])
    def test_upload_and_download(
        self, store: ObjectStore, key: str, tmp_path: Path, size: int,
    ) -> None:
        """Files of any size, also those sent in parts, come back unchanged."""
        data = os.urandom(size)
        (tmp_path / "sent").write_bytes(data)
        store.upload(key, tmp_path / "sent")
        store.download(key, tmp_path / "received")
        assert (tmp_path / "received").read_bytes() == data
        assert read(store, key) == data
        assert store.get(key).content_type

    def test_ping(self, store: ObjectStore) -> None:
        """A reachable bucket answers."""
        store.ping()

    def test_unreachable(self, unreachable_store: ObjectStore, tmp_path: Path) -> None:
        """Whatever is asked of a store that does not answer, the error says so."""
        store, path = unreachable_store, tmp_path / "file"
        path.write_bytes(b"data")
        for attempt in (
            lambda: store.put("key", b"data", "image/jpeg"), lambda: store.upload("key", path),
            lambda: store.get("key"), lambda: store.download("key", path),
            lambda: store.delete("key"), store.ping, lambda: store.exists("key"),
            lambda: store.copy("key", "other", "image/jpeg", WRITING),
            lambda: store.delete_writing("key", WRITING),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                attempt()
            assert str(caught.value) == "The object store does not answer."

    def test_missing_bucket(self, bucketless_store: ObjectStore) -> None:
        """Without its bucket a store is not ready."""
        with pytest.raises(StoreUnavailable):
            bucketless_store.ping()
