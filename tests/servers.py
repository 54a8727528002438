"""Real servers for tests, started as `make up` starts them, in folders of their own."""
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from imgclass import settings
from imgclass.embedded import placement, secret_files
from imgclass.embedded.layout import Layout
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.ports import Ports
from imgclass.embedded.postgres import ROLE, Postgres
from imgclass.embedded.process import Processes
from imgclass.embedded.webhook import Webhook

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[1]
# `make minio` puts MinIO into the last of these folders.
SEARCH_PATH = os.pathsep.join([settings.load().search_path, str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "imgclass", "bin"))])
MINIO = shutil.which("minio", path=SEARCH_PATH)
without_minio = pytest.mark.skipif(
    MINIO is None, reason="MinIO is neither on PATH nor in the cache: `make minio` builds it")
# The kinds of object store, as parameters of a fixture.
KINDS = ["seaweedfs", pytest.param("minio", marks=without_minio)]


def prepared(folder: Path) -> Layout:
    """A stack's empty folders and its secrets, in `folder`."""
    layout = Layout(ROOT, folder / "var")
    layout.prepare()
    secret_files.ensure(layout.secrets)
    return layout


@contextmanager
def postgres_server(layout: Layout) -> Iterator[Postgres]:
    """A started Postgres, which leaves no process behind."""
    server = Postgres(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH)
    try:
        server.start()
        yield server
    finally:
        server.processes.stop(["postgres"])
        placement.remove(layout.postgres)


def object_store(layout: Layout, kind: str, webhook: Webhook | None = None) -> ObjectStore:
    """An S3 server of one kind, not started."""
    (layout.objects / kind).mkdir(exist_ok=True)
    return ObjectStore(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH, webhook)


@contextmanager
def started(store: ObjectStore) -> Iterator[ObjectStore]:
    """An S3 server that runs meanwhile, and leaves no process behind."""
    try:
        store.start()
        yield store
    finally:
        store.stop()


def postgres_settings(server: Postgres) -> dict[str, str]:
    """How the functions would reach it; unlike theirs, the role may create databases."""
    with server.admin_connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {ROLE} CREATEDB")
    password = secret_files.read(server.layout.secrets, "postgres-password")
    return {**server.settings(), "POSTGRES_PASSWORD": password}


def object_store_settings(server: ObjectStore) -> dict[str, str]:
    """How the functions would reach it; unlike theirs, the keys may do anything."""
    return {
        **server.settings(),
        "MINIO_ACCESS_KEY": _secret(server, "minio-root-user"),
        "MINIO_SECRET_KEY": _secret(server, "minio-root-password"),
    }


def functions_keys(server: ObjectStore) -> dict[str, str]:
    """The settings with the functions' own keys."""
    return {
        "MINIO_ACCESS_KEY": _secret(server, "minio-access-key"),
        "MINIO_SECRET_KEY": _secret(server, "minio-secret-key"),
    }


def s3_client_of(server: ObjectStore, keys: Mapping[str, str]) -> S3Client:
    """A plain client of it, that tries everything once."""
    return boto3.client(
        "s3", endpoint_url=f"http://{server.settings()['MINIO_ENDPOINT']}",
        region_name="us-east-1", aws_access_key_id=keys["MINIO_ACCESS_KEY"],
        aws_secret_access_key=keys["MINIO_SECRET_KEY"],
        config=Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1},
                      s3={"addressing_style": "path"}))


def _secret(server: ObjectStore, name: str) -> str:
    return secret_files.read(server.layout.secrets, name)
