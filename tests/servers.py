"""Real servers for tests, started as `make up` starts them, in folders of their own."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgclass import settings
from imgclass.embedded import placement, secret_files
from imgclass.embedded.layout import Layout
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.ports import Ports
from imgclass.embedded.postgres import ROLE, Postgres
from imgclass.embedded.process import Processes

ROOT = Path(__file__).resolve().parents[1]
SEARCH_PATH = settings.load().search_path


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


@contextmanager
def object_store(layout: Layout) -> Iterator[ObjectStore]:
    """A started S3 server, which leaves no process behind."""
    server = ObjectStore(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def postgres_settings(server: Postgres) -> dict[str, str]:
    """How the functions would reach it; unlike theirs, the role may create databases."""
    with server.admin_connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {ROLE} CREATEDB")
    password = secret_files.read(server.layout.secrets, "postgres-password")
    return {**server.settings(), "POSTGRES_PASSWORD": password}


def object_store_settings(server: ObjectStore) -> dict[str, str]:
    """How the functions would reach it."""
    secrets = server.layout.secrets
    return {
        **server.settings(),
        "MINIO_ACCESS_KEY": secret_files.read(secrets, "minio-access-key"),
        "MINIO_SECRET_KEY": secret_files.read(secrets, "minio-secret-key"),
    }
