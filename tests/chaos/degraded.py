"""Servers that run, but do not do what is asked of them: slow, out of connections, full."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

from imgclass.embedded import secret_files
from imgclass.embedded.ports import Ports
from imgclass.embedded.postgres import ROLE, Postgres
from imgclass.embedded.stack import Stack
from tests.databases import connect, query
from tests.e2e.access import settings_of

CONNECTIONS = 4
SLOWNESS = """
    CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END';
    CREATE TRIGGER be_slow BEFORE INSERT ON predictions
    FOR EACH ROW EXECUTE FUNCTION be_slow();
"""
HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"


def lasting(
    trouble: Callable[[Stack], AbstractContextManager[None]], stack: Stack, seconds: float
) -> Callable[[], float]:
    """A strike: the trouble for so many seconds; it answers when it was over, since the epoch."""
    def strike() -> float:
        with trouble(stack):
            time.sleep(seconds)
        return time.time()
    return strike


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """The predictions are locked, so that whoever reads or writes them waits."""
    with closing(connect(settings_of(stack))) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def slow(stack: Stack) -> Iterator[None]:
    """Every prediction takes the database half a second to write."""
    settings = settings_of(stack)
    query(settings, SLOWNESS)
    try:
        yield
    finally:
        query(settings, "DROP FUNCTION be_slow CASCADE")


@contextmanager
def out_of_connections(stack: Stack) -> Iterator[None]:
    """The server hangs up on the functions and grants all of them a few connections."""
    database = Postgres(
        stack.layout, stack.processes, Ports(stack.layout.ports), stack.search_path)
    database.start()
    with database.admin_connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT {CONNECTIONS}")
        try:
            cursor.execute(HANG_UP, (ROLE,))
            yield
        finally:
            cursor.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


@contextmanager
def store_full(stack: Stack) -> Iterator[None]:
    """MinIO takes no more pictures: their bucket has a quota of one byte."""
    secrets, settings = stack.layout.secrets, settings_of(stack)
    admin = MinioAdmin(
        endpoint=settings.minio_endpoint, secure=False, credentials=StaticProvider(
            secret_files.read(secrets, "minio-root-user"),
            secret_files.read(secrets, "minio-root-password")))
    admin.bucket_quota_set(settings.minio_bucket_name, 1)
    try:
        yield
    finally:
        admin.bucket_quota_clear(settings.minio_bucket_name)
