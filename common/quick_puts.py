"""An object store for the hot path: storing a picture takes a tenth of the CPU boto3 needs."""
from __future__ import annotations

import re
from datetime import timedelta

from obstore.exceptions import BaseError
from obstore.store import S3Store

from common.config import StoreSettings
from common.errors import StoreUnavailable
from common.s3 import S3ObjectStore
from common.s3_client import (
    CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, REGION, lazy_s3_client)
from common.tracing import span

# obstore would encode other characters in its own way.
_PLAIN = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+(?:\.[A-Za-z0-9]+)?")
_NOTHING = "nothing/"  # a prefix that no object has


class QuickPutStore(S3ObjectStore):
    """An S3ObjectStore that puts small objects, and looks for its bucket, through obstore.

    boto3 does the rest, and is not imported before that. Keys of other than plain characters are
    left to it as well.
    """

    def __init__(self, settings: StoreSettings, bucket: str, connections: int) -> None:
        super().__init__(lazy_s3_client(settings, connections), bucket)
        self._quick = S3Store(
            bucket,
            endpoint=settings.minio_url,
            access_key_id=settings.minio_access_key,
            secret_access_key=settings.minio_secret_key,
            region=REGION,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": not settings.minio_secure,
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_SECONDS),
                "timeout": timedelta(seconds=READ_TIMEOUT_SECONDS),
                "pool_max_idle_per_host": str(connections),
            },
            retry_config={
                "max_retries": 1, "retry_timeout": timedelta(seconds=READ_TIMEOUT_SECONDS)})

    def put(self, key: str, data: bytes, content_type: str) -> None:
        if not _PLAIN.fullmatch(key):
            super().put(key, data, content_type)
            return
        try:
            with span("S3"):
                self._quick.put(
                    key, data, attributes={"Content-Type": content_type}, use_multipart=False)
        except BaseError as error:
            raise StoreUnavailable() from error

    def ping(self) -> None:
        try:
            next(iter(self._quick.list(_NOTHING)), None)
        except BaseError as error:
            raise StoreUnavailable() from error
