"""Uploads are announced by the object store as it is set up, whoever puts them there."""
from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from mypy_boto3_s3 import S3Client

from imgclass.embedded import secret_files
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.webhook import Webhook
from tests.event_receiver import EventReceiver
from tests.servers import (
    KINDS, functions_keys, object_store, object_store_settings, prepared, s3_client_of, started,
    without_minio)


@pytest.fixture(scope="module", params=KINDS)
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of object store."""
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def client(store: ObjectStore) -> S3Client:
    """Somebody who puts pictures into the bucket."""
    return s3_client_of(store, object_store_settings(store))


@pytest.fixture
def folder(client: S3Client) -> Iterator[str]:
    """The name of a user's folder, emptied afterwards."""
    folder = str(uuid.uuid4())
    yield folder
    for prefix in ("", "uploads/", "2026/uploads/"):
        listed = client.list_objects_v2(Bucket="images", Prefix=f"{prefix}{folder}/")
        for found in listed.get("Contents", []):
            client.delete_object(Bucket="images", Key=found["Key"])


def put(client: S3Client, key: str) -> None:
    client.put_object(Bucket="images", Key=key, Body=b"picture", ContentType="image/jpeg")


def post(client: S3Client, key: str) -> None:
    form = client.generate_presigned_post("images", key, ExpiresIn=60)
    httpx.post(form["url"], data=form["fields"], files={"file": b"posted"}).raise_for_status()


def copy(client: S3Client, key: str) -> None:
    source = key.removeprefix("uploads/")
    put(client, source)
    client.copy_object(
        Bucket="images", Key=key, CopySource={"Bucket": "images", "Key": source})


def put_in_parts(client: S3Client, key: str) -> None:
    place: dict[str, Any] = {"Bucket": "images", "Key": key}
    place["UploadId"] = client.create_multipart_upload(**place)["UploadId"]
    part = client.upload_part(**place, PartNumber=1, Body=b"part")
    client.complete_multipart_upload(
        **place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


@pytest.mark.parametrize("write", [put, post, copy, put_in_parts])
def test_upload_is_announced(
    store: ObjectStore, client: S3Client, receiver: EventReceiver, folder: str,
    write: Callable[[S3Client, str], None],
) -> None:
    """Whichever way an object gets below uploads/, predict's URL is told, with the token."""
    key = f"uploads/{folder}/a b+ü.jpg"
    write(client, key)
    delivery = receiver.wait_for(key)
    assert delivery.path == "/events/storage"
    token = secret_files.read(store.layout.secrets, "events-token")
    assert delivery.authorization == f"Bearer {token}"


def test_nothing_else_is_announced(
    client: S3Client, receiver: EventReceiver, folder: str
) -> None:
    """What lies elsewhere, in either bucket, is nobody's upload."""
    for key in (f"{folder}/a.jpg", f"2026/uploads/{folder}/a.jpg"):
        put(client, key)
    client.put_object(Bucket="models", Key=f"uploads/{folder}/a.jpg", Body=b"model")
    client.delete_object(Bucket="models", Key=f"uploads/{folder}/a.jpg")
    put(client, f"uploads/{folder}/last.jpg")
    receiver.wait_for(f"uploads/{folder}/last.jpg")
    assert receiver.about(f"{folder}/a.jpg") == []


@without_minio
def test_tags_are_not_announced(minio: ObjectStore, receiver: EventReceiver) -> None:
    """Who tags an upload has not put another one there."""
    client = s3_client_of(minio, object_store_settings(minio))
    place: dict[str, Any] = {"Bucket": "images", "Key": f"uploads/{uuid.uuid4()}/tagged.jpg"}
    put(client, place["Key"])
    client.put_object_tagging(**place, Tagging={"TagSet": [{"Key": "seen", "Value": "yes"}]})
    client.delete_object_tagging(**place)
    client.delete_object(**place)
    # The store tells before it answers, so that nothing can be on its way still.
    assert len(receiver.about(place["Key"])) == 1


@without_minio
def test_queue_outlives_an_absent_receiver(tmp_path_factory: pytest.TempPathFactory) -> None:
    """With its queue MinIO delivers later what it could not deliver, also after a restart."""
    layout = prepared(tmp_path_factory.mktemp("a queue, with a $pace"))
    receiver = EventReceiver()
    store = object_store(layout, "minio", Webhook(receiver.url, queued=True))
    with started(store):
        client = s3_client_of(store, functions_keys(store))
        put(client, "uploads/somebody/before.jpg")
        store.stop()
        store.start()
        put(client, "uploads/somebody/after.jpg")
        assert receiver.deliveries == []
        with receiver:
            for name in ("before.jpg", "after.jpg"):
                receiver.wait_for(f"uploads/somebody/{name}")
