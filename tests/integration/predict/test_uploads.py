"""Uploads on a real PostgreSQL, and their forms on a real S3 server."""
from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from common.config import Settings
from common.db import Database
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.storage import PresignedPost
from predict.repository import PostgresPredictionRepository
from predict.uploads.forms import PublicFormSigner
from predict.uploads.repository import PostgresUploadRepository
from tests.contracts.object_store import read
from tests.contracts.uploads import CLASSIFIED, UploadsContract, found, upload
from tests.databases import add_model, query
from tests.environments import settings
from tests.records import record

BUCKET = "images"
MAX_BYTES = 5000
JPEG = "image/jpeg"


class AroundInPostgres:
    """Writes events and pictures past the code under test."""

    def __init__(self, database: Database, database_settings: Settings) -> None:
        self._settings = database_settings
        self._predictions = PostgresPredictionRepository(database)

    def emails(self) -> dict[uuid.UUID, str]:
        rows = query(self._settings, "SELECT user_id, email FROM users")
        return {row["user_id"]: row["email"] for row in rows}

    def announce(
        self, object_key: str, state: str, bucket: str = BUCKET, **changes: Any
    ) -> uuid.UUID:
        columns = {
            "bucket": bucket, "object_key": object_key, "etag": uuid.uuid4().hex,
            "announced_by": "notification", "state": state, **changes}
        (row,) = query(
            self._settings, f"INSERT INTO storage_events ({', '.join(columns)}) VALUES "
            f"({', '.join(['%s'] * len(columns))}) RETURNING event_id", *columns.values())
        event_id: uuid.UUID = row["event_id"]
        return event_id

    def classify(self, object_key: str, state: str) -> tuple[uuid.UUID, uuid.UUID]:
        event_id = self.announce(object_key, state)
        prediction_id = self._predictions.record(
            record(image_id=event_id, source="bucket", **CLASSIFIED))
        query(self._settings, "UPDATE storage_events SET prediction_id = %s WHERE event_id = %s",
              prediction_id, event_id)
        return event_id, prediction_id

    def erase(self, prediction_id: uuid.UUID) -> None:
        (row,) = query(self._settings, "DELETE FROM predictions WHERE prediction_id = %s "
                                       "RETURNING image_id", prediction_id)
        query(self._settings, "DELETE FROM images WHERE image_id = %s", row["image_id"])


@pytest.fixture
def uploads(database: Database) -> PostgresUploadRepository:
    return PostgresUploadRepository(database, BUCKET)


@pytest.fixture
def around(database: Database, database_settings: Settings) -> AroundInPostgres:
    add_model(database_settings, "v1")
    return AroundInPostgres(database, database_settings)


class TestPostgresUploads(UploadsContract):
    """The real adapter."""

    @pytest.fixture
    def unreachable_uploads(self) -> PostgresUploadRepository:
        return PostgresUploadRepository(Database(settings(), size=1), BUCKET)

    def test_other_buckets(
        self, uploads: PostgresUploadRepository, around: AroundInPostgres
    ) -> None:
        """What has the same key in another bucket is another object."""
        given = upload()
        uploads.add(given, "ada@example.org")
        around.announce(given.object_key, "pending", bucket="models")
        assert found(uploads, given)["event_state"] is None

    def test_many_first_uploads_at_once(
        self, uploads: PostgresUploadRepository, around: AroundInPostgres
    ) -> None:
        """A new user may ask for many forms side by side, and two users name one address."""
        users = [uuid.uuid4(), uuid.uuid4()]
        together = threading.Barrier(6)

        def ask(number: int) -> None:
            together.wait(10)
            uploads.add(upload(user_id=users[number % 2]), "shared@example.org")

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(ask, range(6)))
        emails = around.emails()
        assert set(emails) == set(users)
        assert sum(email == "shared@example.org" for email in emails.values()) == 1


@pytest.fixture(scope="module")
def bucket(servers: Settings) -> Iterator[str]:
    """A bucket of the module's own, emptied and removed at the end."""
    client, name = s3_client(servers, connections=2), f"test-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    yield name
    for each in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=each["Key"])
    client.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def store(servers: Settings, bucket: str) -> S3ObjectStore:
    return S3ObjectStore(s3_client(servers, connections=2), bucket)


@pytest.fixture(scope="module")
def signer(servers: Settings, bucket: str) -> PublicFormSigner:
    """Signs for the server's address alone: it could not reach the store itself."""
    return PublicFormSigner(replace(
        servers, minio_bucket_name=bucket, minio_endpoint="127.0.0.1:1",
        minio_public_endpoint=f"http://{servers.minio_endpoint}"))


def new_key(name: str = "cup.jpg") -> str:
    return f"uploads/{uuid.uuid4()}/{uuid.uuid4()}/{name}"


def send(form: PresignedPost, data: bytes, **changes: str | None) -> httpx.Response:
    """Fill the form in as it is told, but for `changes`; None leaves a field out."""
    fields = {name: value for name, value in {**form.fields, **changes}.items()
              if value is not None}
    return httpx.post(
        form.url, data=fields, files={"file": ("other name.html", data, "text/html")}, timeout=10)


@pytest.mark.parametrize("name", [
    "cup.jpg", "Größe 寸法 📷.jpg", "a+b&c=d?e#f%20.jpg", "quote\"'\\.jpg", " ", "{filename}",
    "é" * 127])
@pytest.mark.parametrize("size", [1, MAX_BYTES])
def test_form(signer: PublicFormSigner, store: S3ObjectStore, name: str, size: int) -> None:
    """A form stores exactly the bytes sent, under its key and with its media type alone."""
    key, data = new_key(name), os.urandom(size)
    answer = send(signer.presign_post(key, JPEG, MAX_BYTES, 60), data)
    assert answer.is_success, answer.text
    assert read(store, key) == data
    assert store.get(key).content_type == JPEG


def test_form_is_for_the_public_address(servers: Settings, bucket: str) -> None:
    """The address is the one that clients reach, whatever the functions use themselves."""
    for public, url in (
            ("https://store.example.org", f"https://store.example.org/{bucket}"),
            ("https://example.org/s3/", f"https://example.org/s3/{bucket}"),
            ("", f"http://{servers.minio_endpoint}/{bucket}")):
        signer = PublicFormSigner(
            replace(servers, minio_bucket_name=bucket, minio_public_endpoint=public))
        form = signer.presign_post(new_key(), JPEG, MAX_BYTES, 60)
        assert form.url == url
        assert servers.minio_secret_key not in str(form)


def test_forms_for_many_at_once(signer: PublicFormSigner) -> None:
    """Threads share a signer."""
    keys = [new_key() for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:
        forms = list(threads.map(
            lambda key: signer.presign_post(key, JPEG, MAX_BYTES, 60), keys))
    assert [form.fields["key"] for form in forms] == keys


@pytest.mark.parametrize("size", [0, MAX_BYTES + 1, 20 * MAX_BYTES])
def test_other_sizes(signer: PublicFormSigner, store: S3ObjectStore, size: int) -> None:
    """The store itself refuses an empty file and one that is too long, and keeps nothing."""
    key = new_key()
    answer = send(signer.presign_post(key, JPEG, MAX_BYTES, 60), bytes(size))
    assert (answer.status_code, answer.is_success) == (400, False)
    assert not store.exists(key)


@pytest.mark.parametrize("changes", [
    {"key": "uploads/another/key.jpg"}, {"key": "2026/01/31/key.jpg"}, {"key": None},
    {"Content-Type": "text/html"}, {"Content-Type": "image/png"}, {"Content-Type": None},
    {"x-amz-signature": "0" * 64}, {"x-amz-signature": None}, {"policy": None},
    {"x-amz-meta-more": "1"},
], ids=str)
def test_other_fields(
    signer: PublicFormSigner, store: S3ObjectStore, changes: dict[str, str | None]
) -> None:
    """Another key, another media type, and what was not signed at all are refused."""
    key = new_key()
    answer = send(signer.presign_post(key, JPEG, MAX_BYTES, 60), b"picture", **changes)
    assert 400 <= answer.status_code < 500, answer.text
    assert not store.exists(key)
    assert not store.exists("uploads/another/key.jpg") and not store.exists("2026/01/31/key.jpg")


def test_other_bucket(
    servers: Settings, signer: PublicFormSigner, store: S3ObjectStore
) -> None:
    """A form opens no other bucket."""
    key = new_key()
    form = signer.presign_post(key, JPEG, MAX_BYTES, 60)
    elsewhere = f"http://{servers.minio_endpoint}/{servers.models_bucket_name}"
    assert send(replace(form, url=elsewhere), b"picture").status_code == 403
    others = S3ObjectStore(s3_client(servers, 1), servers.models_bucket_name)
    assert not others.exists(key)


def test_expired_form(signer: PublicFormSigner, store: S3ObjectStore) -> None:
    """A form whose time is over stores nothing."""
    key = new_key()
    form = signer.presign_post(key, JPEG, MAX_BYTES, 1)
    deadline = time.monotonic() + 10
    while (answer := send(form, b"picture")).is_success:
        assert time.monotonic() < deadline
        store.delete(key)
        time.sleep(0.1)
    assert answer.status_code == 403
    assert not store.exists(key)
