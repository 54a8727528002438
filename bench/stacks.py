"""A stack of its own for a measurement, and the ways into it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgclass import settings
from imgclass.embedded import buckets, default_model, objectstore, secret_files
from imgclass.embedded.layout import Layout
from imgclass.embedded.stack import Stack
from imgclass.tokens import development_token

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[1]
PICTURES = sorted((ROOT / "examples" / "pictures").glob("*.jpg"))
BUCKET = buckets.IMAGES
EMAIL, ADMIN = "bench@example.com", "root@example.com"
# Connections to the object store.
PUTTERS = 8


def default_archive() -> Path:
    """The default model's archive, built unless the checkout has it. Raises StackError."""
    own = Layout(ROOT, ROOT / "var")
    own.prepare()
    return default_model.build(own)


@contextmanager
def running_stack(folder: Path, **options: Any) -> Iterator[Stack]:
    """A stack with its data in `folder`, on ports of its own; it goes with its data at the end.

    `options` are those of Stack. Raises StackError.
    """
    options = {"search_path": settings.load().search_path, **options}
    stack = Stack(ROOT, folder / "var", port=0, archive=default_archive(), **options)
    try:
        stack.up()
        yield stack
    finally:
        stack.clean_data()


def token_of(stack: Stack, email: str, admin: bool = False) -> str:
    """A token of the stack for the user with this address."""
    secret = secret_files.read(stack.layout.secrets, "jwt-secret")
    return development_token(secret, email, admin)


def store_of(stack: Stack) -> S3Client:
    """A plain S3 client, with the functions' keys."""
    import boto3
    from botocore.config import Config

    secrets = stack.layout.secrets
    return boto3.client(
        "s3", endpoint_url=f"http://{stack.addresses()[objectstore.NAME]}",
        region_name="us-east-1",
        aws_access_key_id=secret_files.read(secrets, "minio-access-key"),
        aws_secret_access_key=secret_files.read(secrets, "minio-secret-key"),
        config=Config(max_pool_connections=PUTTERS, proxies={}, s3={"addressing_style": "path"}))
