"""PostgreSQL: pooled connections, transactions, named queries, driver errors translated."""
from __future__ import annotations

import queue
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiosql
import psycopg2
import psycopg2.extras
from psycopg2.extensions import connection as Connection

from common.config import Settings
from common.errors import CommitUnknown, Conflict, DatabaseUnavailable
from common.tracing import span

CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_MILLISECONDS = 10_000
# For statements that may read all rows of a large table; but the edge must not give up first.
LONG_STATEMENT_TIMEOUT = "50s"
POOL_WAIT_SECONDS = 5
STREAMED_ROWS = 500

psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]  # the stubs leave it bare


def load_queries(path: Path) -> Any:
    """The named queries of a .sql file, each a method that takes a connection and parameters."""
    return aiosql.from_path(path, "psycopg2", mandatory_parameters=False)


class Database:
    """A pool of at most `size` connections, opened when first needed and reopened when broken."""

    def __init__(self, settings: Settings, size: int) -> None:
        self._parameters: dict[str, Any] = {
            "user": settings.postgres_user,
            "password": settings.postgres_password,
            "dbname": settings.postgres_db,
            "host": settings.postgres_host,
            "port": settings.postgres_port,
            "sslmode": settings.postgres_sslmode,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            # A server that has gone without a word is noticed within about as long as a
            # statement may take.
            "keepalives_idle": 4,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MILLISECONDS,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS} -c timezone=UTC",
        }
        self._slots: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._slots.put(None)

    @contextmanager
    def transaction(self, statement_timeout: str | None = None) -> Iterator[Connection]:
        """A connection whose work is committed at the end, or rolled back on any exception.

        Rows are dictionaries. A statement is cancelled after STATEMENT_TIMEOUT_MILLISECONDS or,
        if that is given, after `statement_timeout`, a time with its unit as in "50s".

        Raises DatabaseUnavailable when the server cannot be reached or the connection breaks,
        CommitUnknown when it breaks during COMMIT, Conflict when a constraint is violated.
        """
        with self._borrowed() as connection:
            if statement_timeout is not None:
                _allow(connection, statement_timeout)
            yield connection
            self._commit(connection)

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection on which each query is a transaction of its own, in one round trip.

        Rows are dictionaries. Raises DatabaseUnavailable, also when the query may have been
        committed after all, and Conflict when a constraint is violated.
        """
        with self._borrowed() as connection:
            connection.autocommit = True
            yield connection

    def stream(self, statement: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of a query, a few hundred at a time in memory, in one transaction.

        A connection is held until the rows end or are closed. Raises what `transaction` does.
        """
        with self.transaction() as connection, connection.cursor(name="stream") as cursor:
            cursor.itersize = STREAMED_ROWS
            cursor.execute(statement, parameters)
            for row in cursor:
                yield dict(row)

    def connect(self) -> Connection:
        """A connection outside the pool. Raises psycopg2.OperationalError."""
        opened: Connection = psycopg2.connect(
            cursor_factory=psycopg2.extras.RealDictCursor, **self._parameters)
        return opened

    def ping(self) -> None:
        """Raises DatabaseUnavailable unless the server answers a query."""
        with self.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def close(self) -> None:
        """Close the idle connections."""
        for _ in range(self._slots.qsize()):
            connection = self._slots.get()
            if connection is not None:
                connection.close()
            self._slots.put(None)

    def _take(self) -> Connection:
        try:
            connection = self._slots.get(timeout=POOL_WAIT_SECONDS)
        except queue.Empty:
            raise DatabaseUnavailable("All database connections are in use.") from None
        if connection is not None and not _is_broken(connection):
            return connection
        try:
            return self.connect()
        except psycopg2.OperationalError as error:
            self._slots.put(None)
            raise DatabaseUnavailable() from error

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        connection = self._take()
        try:
            with span("PostgreSQL"):
                yield connection
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise DatabaseUnavailable() from error
        except psycopg2.IntegrityError as error:
            raise Conflict() from error
        finally:
            self._give_back(connection)

    @staticmethod
    def _commit(connection: Connection) -> None:
        try:
            connection.commit()
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if connection.closed:
                raise CommitUnknown() from error
            raise

    def _give_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
            connection.autocommit = False
        except psycopg2.Error:
            connection.close()
        self._slots.put(None if connection.closed else connection)


def _allow(connection: Connection, statement_timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", (statement_timeout,))


def _is_broken(connection: Connection) -> bool:
    """True if the server has hung up: an idle connection has nothing to read but its farewell."""
    if connection.closed:
        return True
    poll = select.poll()  # select() refuses descriptors above 1023, and clients hold many
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        connection.close()
        return True
    return False
