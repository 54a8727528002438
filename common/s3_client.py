"""Connections to S3: made at once, or when something is first asked of them."""
from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from common.config import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
REGION = "us-east-1"  # of every signature


def s3_client(settings: StoreSettings, connections: int, endpoint: str = "") -> S3Client:
    """A client of MINIO_ENDPOINT, or of another `endpoint` (a URL) of the same store.

    It uses path-style addresses, as MinIO and SeaweedFS want them.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint or settings.minio_url,
        aws_access_key_id=settings.minio_access_key,
        aws_secret_access_key=settings.minio_secret_key,
        region_name=REGION,
        config=Config(
            # Forms would be signed by the method before this one, which not every store takes.
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=connections,
            s3={"addressing_style": "path"},
        ),
    )


def lazy_s3_client(settings: StoreSettings, connections: int) -> S3Client:
    """See s3_client; boto3 is imported when the client is first used."""
    return cast("S3Client", _LazyClient(settings, connections))


class _LazyClient:
    """Stands for a client that is made once something is asked of it."""

    def __init__(self, settings: StoreSettings, connections: int) -> None:
        self._settings = settings
        self._connections = connections
        self._making = threading.Lock()
        self._made: S3Client | None = None

    def __getattr__(self, name: str) -> Any:
        with self._making:
            if self._made is None:
                self._made = s3_client(self._settings, self._connections)
        return getattr(self._made, name)
