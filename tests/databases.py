"""Databases of their own for tests, on a server that others use as well."""
from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from common.config import Settings
from tests.environments import environment

ROOT = Path(__file__).parents[1]
MIGRATE = ROOT / "sql" / "migrate.py"


def connect(settings: Settings) -> Connection:
    """A connection past the code under test; every statement is committed at once."""
    connection: Connection = psycopg2.connect(
        user=settings.postgres_user, password=settings.postgres_password,
        dbname=settings.postgres_db, host=settings.postgres_host, port=settings.postgres_port,
        cursor_factory=RealDictCursor)
    connection.autocommit = True
    return connection


def query(settings: Settings, statement: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of one statement."""
    connection = connect(settings)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return [dict(row) for row in cursor] if cursor.description else []
    finally:
        connection.close()


def wait_for_lock(settings: Settings) -> None:
    """Return once some session of this database waits for another one."""
    deadline = time.monotonic() + 10
    while not query(settings, """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""):
        assert time.monotonic() < deadline, "nobody waits"


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment in which a program finds this database."""
    return environment(**{
        name.upper(): str(getattr(settings, name)) for name in (
            "postgres_user", "postgres_password", "postgres_db", "postgres_host",
            "postgres_port")})


def migrate(settings: Settings) -> subprocess.Popen[str]:
    """`python sql/migrate.py`, started."""
    return subprocess.Popen(
        [sys.executable, MIGRATE], env=environment_of(settings), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def dbmate(settings: Settings, command: str, only: str = "*.sql") -> None:
    """A command of the migration tool, on those of our migrations that are called `only`."""
    user, password = quote(settings.postgres_user), quote(settings.postgres_password, safe="")
    url = (f"postgres://{user}:{password}@{settings.postgres_host}:{settings.postgres_port}"
           f"/{settings.postgres_db}?sslmode=disable")
    with TemporaryDirectory() as folder:
        for path in MIGRATE.parent.glob(only):
            shutil.copy(path, folder)
        subprocess.run(
            [Path(sys.executable).with_name("dbmate"), "--migrations-dir", folder,
             "--no-dump-schema", command],
            env={"DATABASE_URL": url}, check=True, timeout=60, stdout=subprocess.DEVNULL)


@contextmanager
def temporary_database(server: Settings, template: str = "template0") -> Iterator[Settings]:
    """A copy of a database nobody uses, dropped at the end."""
    own = replace(server, postgres_db=f"test_{uuid.uuid4().hex}")
    query(server, f"CREATE DATABASE {own.postgres_db} TEMPLATE {template}")
    try:
        yield own
    finally:
        query(server, f"DROP DATABASE {own.postgres_db} WITH (FORCE)")


def add_model(settings: Settings, version: str, **columns: Any) -> None:
    """A model version that is ready and not active, with `columns` of its row."""
    row: Mapping[str, Any] = {
        "version": version, "model_path": f"{version}/{'a' * 64}", "state": "ready",
        "name": "three-classes", "digest": "a" * 64, "size_bytes": 1, "manifest": "{}",
        "registered_by": str(uuid.uuid4()), **columns}
    query(settings, f"INSERT INTO model_versions ({', '.join(row)}) "
                    f"VALUES ({', '.join(['%s'] * len(row))})", *row.values())
