"""The object store on a real S3 server keeps the contract."""
from __future__ import annotations

import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from common.config import Settings
from common.errors import NotFound, StoreUnavailable
from common.s3_client import s3_client
from common.storage import ObjectStore, Writing
from tests.contracts.object_store import ADAPTERS, Adapter, ObjectStoreContract, read
from tests.environments import settings
from tests.proxies import CuttingProxy
from tests.servers import KINDS, object_store_settings


@pytest.fixture(scope="module", params=KINDS)
def servers(request: pytest.FixtureRequest) -> Settings:
    """Each kind of object store."""
    return settings(**object_store_settings(request.getfixturevalue(request.param)))


@pytest.fixture(scope="module")
def bucket(servers: Settings) -> Iterator[str]:
    """A bucket of the module's own, emptied and removed at the end."""
    client, name = s3_client(servers, connections=2), f"test-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    yield name
    for found in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=found["Key"])
    client.delete_bucket(Bucket=name)


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Makes an object store of settings, a bucket's name and a number of connections."""
    return ADAPTERS[request.param]


@pytest.fixture
def store(adapter: Adapter, servers: Settings, bucket: str) -> ObjectStore:
    return adapter(servers, bucket, 8)


class TestObjectStores(ObjectStoreContract):
    """The real adapters: boto3's, and that of the hot path and of starts."""

    @pytest.fixture
    def unreachable_store(self, adapter: Adapter) -> ObjectStore:
        return adapter(settings(), "images", 2)

    @pytest.fixture
    def bucketless_store(self, adapter: Adapter, servers: Settings) -> ObjectStore:
        return adapter(servers, f"no-bucket-{uuid.uuid4()}", 2)


@pytest.mark.parametrize("change", [
    {"minio_secret_key": "a wrong secret"}, {"minio_access_key": "nobody"}], ids=str)
def test_wrong_credentials(
    adapter: Adapter, servers: Settings, bucket: str, change: dict[str, str]
) -> None:
    """A store that does not let us in is of no use, and not ready."""
    stranger = adapter(replace(servers, **change), bucket, 2)
    for attempt in (
        stranger.ping, lambda: stranger.put("key", b"data", "image/jpeg"),
        lambda: stranger.get("key"), lambda: stranger.delete("key"),
    ):
        with pytest.raises(StoreUnavailable):
            attempt()


def test_strangers_cannot_read(servers: Settings, bucket: str, store: ObjectStore) -> None:
    """Pictures are private: without credentials nobody gets at them."""
    store.put("private", b"data", "image/jpeg")
    url = f"http://{servers.minio_endpoint}/{bucket}/private"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=10)
    assert caught.value.code == 403
    caught.value.close()


def test_bucket_with_versions(adapter: Adapter, servers: Settings) -> None:
    """Where versions are kept, a deleted object is gone only once each of its versions is."""
    client, name = s3_client(servers, connections=1), f"test-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    store = adapter(servers, name, 1)
    for data in (b"first", b"second"):
        store.put("2026/cup.jpg", data, "image/jpeg")
    (first,) = [each for each in store.versions("2026/cup.jpg")
                if b"".join(store.get(each.key, each.version_id).chunks) == b"first"]
    store.copy("2026/cup.jpg", "2026/first.jpg", "image/png", Writing(
        first.etag, first.modified, first.version_id))
    assert read(store, "2026/first.jpg") == b"first"
    (copied,) = store.versions("2026/first.jpg")
    store.delete_writing("2026/first.jpg", Writing(
        copied.etag, copied.modified, copied.version_id))
    assert list(store.versions("2026/first.jpg")) == []
    store.delete("2026/cup.jpg")
    assert not store.exists("2026/cup.jpg")
    found = list(store.versions("2026/"))
    assert sorted(bool(each.etag) for each in found) == [False, True, True]
    assert b"".join(store.get("2026/cup.jpg", first.version_id).chunks) == b"first"
    for each in found:
        store.delete(each.key, each.version_id)
    assert list(store.versions("")) == []
    with pytest.raises(NotFound):
        store.get("2026/cup.jpg", first.version_id)
    client.delete_bucket(Bucket=name)


def test_many_at_once(store: ObjectStore) -> None:
    """One client serves many threads."""
    def there_and_back(number: int) -> bool:
        key, data = f"many/{uuid.uuid4()}", bytes([number]) * 50_000
        store.put(key, data, "image/png")
        return read(store, key) == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(40)))


def test_cut_connections(adapter: Adapter, servers: Settings, bucket: str) -> None:
    """Kept connections that the network has cut are replaced: nobody fails."""
    host, _, port = servers.minio_endpoint.rpartition(":")
    with CuttingProxy(host, int(port)) as proxy:
        behind = replace(servers, minio_endpoint=f"{proxy.host}:{proxy.port}")
        store = adapter(behind, bucket, 2)
        for number in range(3):
            store.put("cut", bytes([number]), "image/png")
            proxy.cut_all()
        for number in range(3):
            store.copy("cut", f"cut {number}")
            proxy.cut_all()
            store.delete(f"cut {number}")
            proxy.cut_all()
        assert read(store, "cut") == bytes([2])
    with pytest.raises(StoreUnavailable):
        store.ping()


def test_interrupted_upload_leaves_nothing(
    adapter: Adapter, servers: Settings, bucket: str, store: ObjectStore,
) -> None:
    """An object whose upload broke off is not there at all."""
    host, _, port = servers.minio_endpoint.rpartition(":")
    with CuttingProxy(host, int(port)) as proxy:
        behind = replace(servers, minio_endpoint=f"{proxy.host}:{proxy.port}")
        cut = adapter(behind, bucket, 2)
        proxy.cut_before(b"THE LAST PART")
        with pytest.raises(StoreUnavailable):
            cut.put("interrupted", bytes(1_000_000) + b"THE LAST PART", "image/png")
    with pytest.raises(NotFound):
        store.get("interrupted")
