"""The object store: one interface, and S3 behind it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from s3transfer.exceptions import RetriesExceededError

from common.config import Settings
from common.errors import NotFound, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
CHUNK_BYTES = 1 << 18
_MISSING = {"404", "NoSuchKey", "NotFound"}
# What boto3 and the libraries below it raise beside ClientError; they have no common base.
_FAILURES = (BotoCoreError, Boto3Error, ResponseParserError, RetriesExceededError)


@dataclass(frozen=True)
class StoredObject:
    """An object being read: its body in chunks, its size in bytes, its media type."""

    chunks: Iterator[bytes]
    size: int
    content_type: str


@dataclass(frozen=True)
class ListedObject:
    """An object's key and when it was last written, in UTC."""

    key: str
    modified: datetime


class ObjectStore(Protocol):
    """Keeps byte strings under keys in one bucket.

    Every method raises StoreUnavailable when the store does not answer, and the reading ones
    NotFound when there is no such object.
    """

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data`, replacing what was there."""

    def upload(self, key: str, path: Path) -> None:
        """Store a file of any size."""

    def get(self, key: str) -> StoredObject:
        """Open an object for reading; its chunks must be consumed or its iterator closed."""

    def download(self, key: str, path: Path) -> None:
        """Write an object of any size to a file."""

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The objects whose keys begin with `prefix`, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def ping(self) -> None:
        """Return if the bucket can be reached."""


class S3ObjectStore:
    """ObjectStore on MinIO or any other S3 server."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, data: bytes, content_type: str) -> None:
        with _translated():
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def upload(self, key: str, path: Path) -> None:
        with _translated():
            self._client.upload_file(str(path), self._bucket, key, Config=_SEQUENTIAL)

    def get(self, key: str) -> StoredObject:
        with _translated(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        return StoredObject(
            _chunks(answer["Body"], key), answer["ContentLength"], answer["ContentType"])

    def download(self, key: str, path: Path) -> None:
        with _translated(key), path.open("wb") as file:
            self._client.download_fileobj(self._bucket, key, file, Config=_SEQUENTIAL)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        pages = self._client.get_paginator("list_objects_v2")
        with _translated():
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield ListedObject(item["Key"], item["LastModified"])

    def delete(self, key: str) -> None:
        with _translated():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def ping(self) -> None:
        try:
            with _translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except NotFound as error:
            raise StoreUnavailable(f"There is no bucket {self._bucket}.") from error


# Models are moved rarely and one at a time: no threads of boto3's own.
_SEQUENTIAL = TransferConfig(use_threads=False)


def s3_client(settings: Settings, connections: int) -> S3Client:
    """A client of MINIO_ENDPOINT; path-style addresses, as MinIO and SeaweedFS want them."""
    scheme = "https" if settings.minio_secure else "http"
    return boto3.client(
        "s3",
        endpoint_url=f"{scheme}://{settings.minio_endpoint}",
        aws_access_key_id=settings.minio_access_key,
        aws_secret_access_key=settings.minio_secret_key,
        region_name="us-east-1",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=connections,
            s3={"addressing_style": "path"},
        ),
    )


@contextmanager
def _translated(read_key: str | None = None) -> Iterator[None]:
    """Only of an object that is read can be said that it is not there: without its bucket the
    store is of no use, whoever asks."""
    try:
        yield
    except ClientError as error:
        if read_key is not None and error.response.get("Error", {}).get("Code") in _MISSING:
            raise NotFound(f"There is no object {read_key}.") from error
        raise StoreUnavailable() from error
    except _FAILURES as error:
        raise StoreUnavailable() from error


def _chunks(body: StreamingBody, key: str) -> Iterator[bytes]:
    with _translated(key):
        try:
            yield from body.iter_chunks(CHUNK_BYTES)
        finally:
            body.close()
