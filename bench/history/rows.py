"""Databases with a history of any size, filled with COPY in minutes."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiosql
import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from bench.stacks import ROOT
from imgclass.embedded import secret_files
from imgclass.embedded.ports import LOOPBACK
from imgclass.embedded.postgres import ADMIN, ROLE, Postgres

QUERIES: Any = aiosql.from_path(
    Path(__file__).with_name("rows.sql"), "psycopg2", mandatory_parameters=False)
# Migrations that work through a filled database, which is measured: the first that keeps count,
# and the index of what is least certain.
COUNTING, UNCERTAIN = "0008", "0009"
ROWS_OF_A_USER = 200


class HistoryDatabase:
    """One database on a running server, with so many predictions."""

    def __init__(self, server: Postgres, total: int) -> None:
        self.name = f"history_{total}"
        self.total = total
        self._server = server

    @contextmanager
    def connection(self, name: str | None = None) -> Iterator[Connection]:
        """A superuser's connection; every statement is committed at once."""
        password = secret_files.read(self._server.layout.secrets, "postgres-admin-password")
        with closing(psycopg2.connect(
                host=LOOPBACK, port=self._server.port, user=ADMIN, password=password,
                dbname=name or self.name, cursor_factory=RealDictCursor)) as connection:
            connection.autocommit = True
            yield connection

    def fill(self) -> Mapping[str, float]:
        """Make it; seconds for the rows, for the indexes, and for either migration."""
        with self.connection("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.name} OWNER {ROLE}")
        self._migrate(f"000[1-{int(COUNTING) - 1}]_*.sql")
        began = time.perf_counter()
        with self.connection() as connection:
            # Neither triggers nor foreign keys: the rows are right, and it is much quicker.
            _run(connection, "SET session_replication_role = replica")
            QUERIES.create_functions(connection)
            QUERIES.add_versions(connection)
            indexes = list(QUERIES.secondary_indexes(connection))
            for index in indexes:
                _run(connection, f"DROP INDEX {index['name']}")
            self._copy(connection)
            copied = time.perf_counter()
            _run(connection, "SET maintenance_work_mem = '512MB'")
            for index in indexes:
                _run(connection, index["definition"])
            _run(connection, "VACUUM (ANALYZE)")
        indexed = time.perf_counter()
        self._migrate(f"{COUNTING}_*.sql")
        counted = time.perf_counter()
        self._migrate(f"{UNCERTAIN}_*.sql")
        migrated = time.perf_counter()
        self._migrate("*.sql")
        with self.connection() as connection:
            _run(connection, "VACUUM (ANALYZE)")
            _run(connection, "CHECKPOINT")
        return {"rows": copied - began, "indexes": indexed - copied,
                COUNTING: counted - indexed, UNCERTAIN: migrated - counted}

    def _copy(self, target: Connection) -> None:
        parameters = {"total": self.total, "others": self.total // ROWS_OF_A_USER}
        for query, table in (
                (QUERIES.user_rows, "users (user_id, email, created_at)"),
                (QUERIES.image_rows, """images (
                    image_id, user_id, filename, object_key, content_type, size_bytes,
                    created_at, sha256, width, height, source)"""),
                (QUERIES.prediction_rows, """predictions (
                    prediction_id, image_id, model_version, predicted_class, confidence_score,
                    prediction_time_ms, created_at, user_id, top_k, request_id, source, engine,
                    model_digest, twin_digest, preprocessing_digest)""")):
            with self.connection() as source, source.cursor() as cursor:
                statement = cursor.mogrify(query.sql, parameters)
                _pipe(source, statement, target, f"COPY {table} FROM STDIN (FORMAT binary)")
            _run(target, f"ANALYZE {table.split()[0]}")

    def _migrate(self, files: str) -> None:
        secret = secret_files.read(self._server.layout.secrets, "postgres-password")
        with tempfile.TemporaryDirectory() as folder:
            for path in (ROOT / "sql").glob(files):
                shutil.copy(path, folder)
            subprocess.run(
                [Path(sys.executable).with_name("dbmate"), "--migrations-dir", folder,
                 "--no-dump-schema", "--env-file", os.devnull, "migrate"],
                env={"DATABASE_URL": f"postgres://{ROLE}:{secret}@{LOOPBACK}:{self._server.port}"
                                     f"/{self.name}?sslmode=disable"},
                check=True, stdout=subprocess.DEVNULL)


def _run(connection: Connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _pipe(source: Connection, query: bytes, target: Connection, statement: str) -> None:
    """One session makes the rows while another takes them in."""
    reading, writing = os.pipe()

    def send() -> None:
        with os.fdopen(writing, "wb") as end, source.cursor() as cursor:
            cursor.copy_expert(query, end)

    with ThreadPoolExecutor(1) as thread, os.fdopen(reading, "rb") as end:
        sending = thread.submit(send)
        with target.cursor() as cursor:
            cursor.copy_expert(statement, end)
        sending.result()
