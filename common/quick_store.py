"""An object store for the hot path and for starts, without boto3: that takes a fifth of a second
and 25 MB to import, and ten times the CPU to store a picture."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import S3Store

from common.config import StoreSettings
from common.errors import StoreUnavailable
from common.s3 import CHUNK_BYTES, DOTS, S3ObjectStore, writing_of
from common.s3_client import (
    CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, REGION, lazy_s3_client)
from common.storage import StoredObject, Writing
from common.tracing import span

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ClientConfig

    from common.s3_requests import S3Requests

# What MinIO takes for a segment of a key.
_LONGEST_KEY_BYTES = 255
_NOTHING = "nothing/"  # a prefix that no object has
_ANY_SIZE_SECONDS = 3600
_NO_NAMES = DOTS | {""}


class QuickObjectStore(S3ObjectStore):
    """An S3ObjectStore that puts small objects, gets, downloads, and looks for objects and for
    its bucket through obstore, and copies and deletes by S3Requests.

    boto3 does the rest, and is not imported before that. It is asked as well about keys that the
    others may not send as they are, and about objects that are not there: obstore does not tell
    an object that is missing from a bucket that is.
    """

    def __init__(self, settings: StoreSettings, bucket: str, connections: int) -> None:
        super().__init__(lazy_s3_client(settings, connections), bucket)
        self._settings = settings
        self._connections = connections
        self._quick = self._s3_store({"timeout": timedelta(seconds=READ_TIMEOUT_SECONDS)})

    def put(self, key: str, data: bytes, content_type: str) -> None:
        if not _is_plain(key):
            super().put(key, data, content_type)
            return
        with _translated(), span("S3"):
            self._quick.put(
                key, data, attributes={"Content-Type": content_type}, use_multipart=False)

    def get(self, key: str, version_id: str = "") -> StoredObject:
        found = self._found(key, version_id)
        if found is None:
            return super().get(key, version_id)
        return StoredObject(
            _chunks(found), found.meta["size"], found.attributes["Content-Type"],
            _writing(found.meta))

    def copy(
        self, source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        if not (_is_plain(source) and _is_plain(key)):
            super().copy(source, key, content_type, writing)
            return
        with span("S3"):
            self._requests.copy(source, key, content_type, writing)

    def download(self, key: str, path: Path) -> None:
        found = self._found(key)
        if found is None:
            super().download(key, path)
            return
        with span("S3"), path.open("wb") as file:
            file.writelines(_chunks(found))

    def ping(self) -> None:
        with _translated():
            next(iter(self._quick.list(_NOTHING)), None)

    def _head(self, key: str) -> Writing:
        if _is_plain(key):
            with _translated(), span("S3"), suppress(FileNotFoundError):
                return _writing(self._quick.head(key))
        return super()._head(key)

    def _delete(self, key: str, version_id: str, etag: str = "") -> None:
        if not _is_plain(key):
            super()._delete(key, version_id, etag)
            return
        with span("S3"):
            self._requests.delete(key, version_id, etag)

    def _found(self, key: str, version_id: str = "") -> GetResult | None:
        """An object, still to be read; None if boto3 has to be asked."""
        if not _is_plain(key):
            return None
        with _translated(), span("S3"), suppress(FileNotFoundError):
            return self._patient.get(key, options={"version": version_id} if version_id else None)
        return None

    @cached_property
    def _requests(self) -> S3Requests:
        from common.s3_requests import S3Requests

        return S3Requests(self._settings, self._bucket, self._connections)

    @cached_property
    def _patient(self) -> S3Store:
        """For objects of any size, which may take long as long as something comes."""
        return self._s3_store({
            "timeout": timedelta(seconds=_ANY_SIZE_SECONDS),
            "read_timeout": timedelta(seconds=READ_TIMEOUT_SECONDS)})

    def _s3_store(self, timeouts: ClientConfig) -> S3Store:
        settings = self._settings
        return S3Store(
            self._bucket,
            endpoint=settings.minio_url,
            access_key_id=settings.minio_access_key,
            secret_access_key=settings.minio_secret_key,
            region=REGION,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": not settings.minio_secure,
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_SECONDS),
                "pool_max_idle_per_host": str(self._connections),
                **timeouts,
            },
            retry_config={
                "max_retries": 1, "retry_timeout": timedelta(seconds=READ_TIMEOUT_SECONDS)})


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        raise StoreUnavailable() from error


def _is_plain(key: str) -> bool:
    """Whether obstore sends a key as it is, and every store has room for it."""
    return (key.isprintable() and "\\" not in key and len(key.encode()) <= _LONGEST_KEY_BYTES
            and _NO_NAMES.isdisjoint(key.split("/")))


def _chunks(found: GetResult) -> Iterator[bytes]:
    with _translated():
        for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


def _writing(meta: ObjectMeta) -> Writing:
    return writing_of(meta["e_tag"] or "", meta["last_modified"], meta["version"] or "")
