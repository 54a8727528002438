"""Forms with which clients store pictures themselves."""
from __future__ import annotations

import threading
from typing import Protocol

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.storage import PresignedPost


class FormSigner(Protocol):
    """Signs forms, without asking anybody."""

    def presign_post(
        self, key: str, content_type: str, max_bytes: int, seconds: int
    ) -> PresignedPost:
        """A form that stores one object of this media type, of 1 to `max_bytes` bytes."""


class PublicFormSigner:
    """FormSigner for the address at which clients reach the store.

    Its client is made with the first form: the start of the function does not wait for it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: S3ObjectStore | None = None

    def presign_post(
        self, key: str, content_type: str, max_bytes: int, seconds: int
    ) -> PresignedPost:
        return self._signing_store().presign_post(key, content_type, max_bytes, seconds)

    def _signing_store(self) -> S3ObjectStore:
        with self._lock:
            if self._store is None:
                client = s3_client(self._settings, 1, self._settings.minio_public_endpoint)
                self._store = S3ObjectStore(client, self._settings.minio_bucket_name)
            return self._store
