"""Transactions and the pool on a real PostgreSQL, and every way it can let us down."""
from __future__ import annotations

import os
import resource
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from common import db
from common.config import Settings
from common.db import Database, load_queries
from common.errors import CommitUnknown, Conflict, DatabaseUnavailable, NotFound
from tests.databases import query, temporary_database
from tests.proxies import CuttingProxy


@pytest.fixture(scope="module")
def notes(servers: Settings) -> Iterator[Settings]:
    """A database with one small table."""
    with temporary_database(servers) as own:
        query(own, "CREATE TABLE notes (id integer PRIMARY KEY, text varchar(10) NOT NULL, "
                   "CHECK (id > 0))")
        yield own


@pytest.fixture
def database(notes: Settings) -> Iterator[Database]:
    query(notes, "TRUNCATE notes")
    pool = Database(notes, size=2)
    yield pool
    pool.close()


def run(database: Database, statement: str) -> list[dict[str, Any]]:
    """A transaction of one statement."""
    with database.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []  # type: ignore[arg-type]


def terminate_all(notes: Settings) -> None:
    """What a restart of the server does to every connection."""
    query(notes, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()")


def test_commit(database: Database, notes: Settings) -> None:
    """What a transaction did is there for everybody once it has ended."""
    with database.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1, 'one')")
        assert query(notes, "SELECT * FROM notes") == []
    assert query(notes, "SELECT * FROM notes") == [{"id": 1, "text": "one"}]


@pytest.mark.parametrize("error", [NotFound, ValueError, KeyboardInterrupt])
def test_rollback(database: Database, notes: Settings, error: type[BaseException]) -> None:
    """Whatever ends a transaction early undoes it and is passed on as it is."""
    with pytest.raises(error), database.transaction() as connection:
        connection.cursor().execute("INSERT INTO notes VALUES (1, 'one')")
        raise error
    assert query(notes, "SELECT * FROM notes") == []
    assert run(database, "SELECT count(*) AS n FROM notes") == [{"n": 0}]


def test_autocommit(one: Database, notes: Settings) -> None:
    """Each query is a transaction, also one of several statements; the next user of the
    connection decides for himself again."""
    query(notes, "TRUNCATE notes")
    with one.autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off; "
                       "INSERT INTO notes VALUES (1, current_setting('synchronous_commit'))")
        assert query(notes, "SELECT text FROM notes") == [{"text": "off"}]
        with pytest.raises(psycopg2.IntegrityError):
            cursor.execute("INSERT INTO notes VALUES (2, 'b'); INSERT INTO notes VALUES (0, 'c')")
    with pytest.raises(ZeroDivisionError), one.transaction() as connection:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES (3, current_setting('synchronous_commit'))")
        1 / 0
    assert query(notes, "SELECT id FROM notes") == [{"id": 1}]
    with pytest.raises(Conflict), one.autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1, 'again')")


def test_sessions(database: Database) -> None:
    """Sessions speak UTC and give no statement more than ten seconds."""
    assert run(database, "SELECT current_setting('timezone') AS zone, "
                         "current_setting('statement_timeout') AS patience") == [
        {"zone": "UTC", "patience": "10s"}]


@pytest.mark.parametrize("statement", [
    "INSERT INTO notes VALUES (1, 'again')", "INSERT INTO notes VALUES (-1, 'minus')",
    "INSERT INTO notes VALUES (2, NULL)"])
def test_conflict(database: Database, statement: str) -> None:
    """A violated constraint is a conflict, without a word of the driver's."""
    run(database, "INSERT INTO notes VALUES (1, 'one')")
    with pytest.raises(Conflict) as caught:
        run(database, statement)
    assert str(caught.value) == Conflict.__doc__
    assert isinstance(caught.value.__cause__, psycopg2.IntegrityError)
    assert run(database, "SELECT id FROM notes") == [{"id": 1}]


def test_mistakes_are_not_hidden(database: Database) -> None:
    """An error of ours, such as bad SQL, stays what it is; the connection is good for more."""
    for _ in range(3):
        with pytest.raises(psycopg2.ProgrammingError):
            run(database, "SELECT nonsense")
    database.ping()


def test_named_queries(database: Database, tmp_path: Path) -> None:
    """Queries of a file are called by name; parameters are bound, rows are dictionaries."""
    (tmp_path / "queries.sql").write_text(
        "-- name: add!\n-- Add a note.\nINSERT INTO notes VALUES (:id, :text);\n"
        "-- name: find^\n-- One note.\nSELECT * FROM notes WHERE text = :text;\n")
    queries = load_queries(tmp_path / "queries.sql")
    with database.transaction() as connection:
        queries.add(connection, id=1, text="x'; --%s")
        assert queries.find(connection, text="x'; --%s") == {"id": 1, "text": "x'; --%s"}
        assert queries.find(connection, text="other") is None


def test_connections_are_reused(database: Database) -> None:
    """One request after the other uses one connection."""
    pids = {run(database, "SELECT pg_backend_pid() AS pid")[0]["pid"] for _ in range(5)}
    assert len(pids) == 1


def test_more_threads_than_connections(database: Database, notes: Settings) -> None:
    """Who finds no free connection waits for one; there are never more than the pool's size."""
    with ThreadPoolExecutor(8) as threads:
        pids = list(threads.map(
            lambda _: run(database, "SELECT pg_backend_pid() AS pid FROM pg_sleep(0.01)"),
            range(24)))
    assert len({rows[0]["pid"] for rows in pids}) == 2


def test_exhausted_pool(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long is told so, and nothing is lost by it."""
    monkeypatch.setattr(db, "POOL_WAIT_SECONDS", 0.05)
    with database.transaction(), database.transaction():
        with pytest.raises(DatabaseUnavailable, match="All database connections are in use"):
            database.ping()
    database.ping()


def test_restarted_server(database: Database, notes: Settings) -> None:
    """Idle connections that a restart has cut are noticed before they are used: nobody fails."""
    with database.transaction() as one, database.transaction() as two:
        assert one is not two
    terminate_all(notes)
    with database.transaction(), database.transaction():
        pass
    database.ping()


def test_cut_network(notes: Settings) -> None:
    """Idle connections that were cut without a farewell are noticed as well."""
    with CuttingProxy(notes.postgres_host, notes.postgres_port) as proxy:
        pool = Database(replace(notes, postgres_host=proxy.host, postgres_port=proxy.port), 1)
        for _ in range(3):
            pool.ping()
            proxy.cut_all()
        pool.close()


def test_connection_lost_in_a_transaction(database: Database, notes: Settings) -> None:
    """A statement on a lost connection is an outage; the next transaction gets a new one."""
    with pytest.raises(DatabaseUnavailable) as caught:
        with database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES (1, 'one')")
            terminate_all(notes)
            cursor.execute("INSERT INTO notes VALUES (2, 'two')")
    assert not isinstance(caught.value, CommitUnknown)
    assert str(caught.value) == "The database does not answer."
    assert run(database, "SELECT * FROM notes") == []


def test_connection_lost_before_commit(database: Database, notes: Settings) -> None:
    """A connection found lost at COMMIT leaves open what became of the transaction."""
    with pytest.raises(CommitUnknown):
        with database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES (1, 'one')")
            terminate_all(notes)
    database.ping()


def test_server_refuses_at_commit(database: Database, notes: Settings) -> None:
    """A COMMIT that the server answers with an error is no mystery: nothing is stored."""
    query(notes, "CREATE TABLE IF NOT EXISTS late (id integer UNIQUE DEFERRABLE "
                 "INITIALLY DEFERRED)")
    with pytest.raises(Conflict):
        run(database, "INSERT INTO late VALUES (1), (1)")
    assert query(notes, "SELECT * FROM late") == []


def test_slow_statement(notes: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that takes too long is stopped by the server."""
    monkeypatch.setattr(db, "STATEMENT_TIMEOUT_MILLISECONDS", 50)
    pool = Database(notes, size=1)
    with pytest.raises(DatabaseUnavailable):
        run(pool, "SELECT pg_sleep(20)")
    pool.ping()
    pool.close()


def test_deadlock(database: Database, notes: Settings) -> None:
    """Of two transactions that wait for each other one is told to try again later."""
    run(database, "INSERT INTO notes VALUES (1, 'one'), (2, 'two')")
    together = threading.Barrier(2)

    def update(first: int, second: int) -> str:
        try:
            with database.transaction() as connection, connection.cursor() as cursor:
                cursor.execute("UPDATE notes SET text = 'new' WHERE id = %s", (first,))
                together.wait(10)
                cursor.execute("UPDATE notes SET text = 'new' WHERE id = %s", (second,))
            return "done"
        except DatabaseUnavailable:
            return "try again"

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(update, (1, 2), (2, 1)))
    assert sorted(outcomes) == ["done", "try again"]


@pytest.mark.parametrize("change", [
    {"postgres_port": 1}, {"postgres_password": "wrong"}, {"postgres_user": "nobody-here"},
    {"postgres_db": "no_such_database"}, {"postgres_host": "no-such-host.invalid"},
], ids=str)
def test_unreachable(notes: Settings, change: dict[str, Any]) -> None:
    """Whatever keeps us from connecting is an outage, again and again, and no slot is lost."""
    pool = Database(replace(notes, **change), size=2)
    for _ in range(4):
        with pytest.raises(DatabaseUnavailable) as caught:
            pool.ping()
        assert str(caught.value) == "The database does not answer."


def test_server_that_comes_back(notes: Settings) -> None:
    """A pool made while the server is away works as soon as it is there."""
    with CuttingProxy(notes.postgres_host, notes.postgres_port) as proxy:
        port = proxy.port
    pool = Database(replace(notes, postgres_host="127.0.0.1", postgres_port=port), size=1)
    with pytest.raises(DatabaseUnavailable):
        pool.ping()
    with CuttingProxy(notes.postgres_host, notes.postgres_port, port):
        pool.ping()
        pool.close()


def test_many_open_files(database: Database) -> None:
    """A process that holds more than a thousand connections of clients still finds its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("this machine allows no more than 1200 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        for _ in range(3):
            database.ping()
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_closed_pool_opens_again(database: Database, notes: Settings) -> None:
    """Closing gives the server its sessions back; a later request opens new ones."""
    sessions = ("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()")
    database.ping()
    assert query(notes, sessions) == [{"n": 1}]
    database.close()
    deadline = time.monotonic() + 10
    while query(notes, sessions) != [{"n": 0}]:
        assert time.monotonic() < deadline
    database.ping()


NUMBERS = "SELECT number, repeat('x', 1000) AS text FROM generate_series(1, %(count)s) AS number"


@pytest.fixture
def one(notes: Settings) -> Iterator[Database]:
    """A pool of a single connection."""
    pool = Database(notes, size=1)
    yield pool
    pool.close()


def test_stream(one: Database) -> None:
    """However many rows a query has, few of them are in memory at a time."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in one.stream(NUMBERS, {"count": 50_000}))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert most < 10 << 20  # of 50 MB
    one.ping()


def test_stream_that_is_left(one: Database) -> None:
    """Whoever stops reading gives the connection back."""
    rows = one.stream(NUMBERS, {"count": 5000})
    assert next(rows)["number"] == 1
    rows.close()  # type: ignore[attr-defined]  # an iterator that is a generator
    one.ping()


def test_stream_that_fails(one: Database, notes: Settings) -> None:
    """A server that goes away in the middle is told as such, and the next reader connects anew."""
    rows = one.stream(NUMBERS, {"count": 5000})
    next(rows)
    terminate_all(notes)
    with pytest.raises(DatabaseUnavailable):
        [*rows]
    one.ping()
