"""An object store for the hot path and for starts, without boto3: that takes a fifth of a second
and 25 MB to import, and ten times the CPU to store a picture."""
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import S3Store

from common.config import StoreSettings
from common.errors import NotFound, StoreUnavailable
from common.s3 import CHUNK_BYTES, S3ObjectStore
from common.s3_client import (
    CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, REGION, lazy_s3_client)
from common.tracing import span

if TYPE_CHECKING:
    from obstore.store import ClientConfig

# obstore would encode other characters in its own way, and tells less of keys that cannot be.
_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_PLAIN = re.compile(rf"(?=.{{1,200}}$)(?:{_NAME}/)*{_NAME}")
_NOTHING = "nothing/"  # a prefix that no object has
_DOWNLOAD_SECONDS = 3600


class QuickObjectStore(S3ObjectStore):
    """An S3ObjectStore that puts small objects, downloads, and looks for its bucket through
    obstore.

    boto3 does the rest, and is not imported before that. Keys of other than plain characters are
    left to it as well.
    """

    def __init__(self, settings: StoreSettings, bucket: str, connections: int) -> None:
        super().__init__(lazy_s3_client(settings, connections), bucket)
        self._settings = settings
        self._connections = connections
        self._quick = self._s3_store({"timeout": timedelta(seconds=READ_TIMEOUT_SECONDS)})

    def put(self, key: str, data: bytes, content_type: str) -> None:
        if not _PLAIN.fullmatch(key):
            super().put(key, data, content_type)
            return
        with _translated(), span("S3"):
            self._quick.put(
                key, data, attributes={"Content-Type": content_type}, use_multipart=False)

    def download(self, key: str, path: Path) -> None:
        if not _PLAIN.fullmatch(key):
            super().download(key, path)
            return
        with _translated(), span("S3"):
            try:
                found = self._patient.get(key)
            except FileNotFoundError as error:
                raise NotFound(f"There is no object {key}.") from error
            with path.open("wb") as file:
                for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                    file.write(chunk)

    def ping(self) -> None:
        with _translated():
            next(iter(self._quick.list(_NOTHING)), None)

    @cached_property
    def _patient(self) -> S3Store:
        """For objects of any size, which may take long as long as something comes."""
        return self._s3_store({
            "timeout": timedelta(seconds=_DOWNLOAD_SECONDS),
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
    except BaseError as error:
        raise StoreUnavailable() from error
