"""The embedded Postgres, for real: who gets in, and what it survives."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from imgclass.embedded import placement, secret_files
from imgclass.embedded.accounts import unprivileged
from imgclass.embedded.errors import StackError
from imgclass.embedded.identity import wait_for_end
from imgclass.embedded.ports import Ports
from imgclass.embedded.postgres import Postgres
from imgclass.embedded.process import Processes
from tests.servers import SEARCH_PATH, postgres_server, prepared


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(prepared(tmp_path_factory.mktemp("a path with a $pace"))) as server:
        yield server


def connect(server: Postgres, **changes: Any) -> Any:
    """A connection as the functions make it."""
    return psycopg2.connect(**{
        "host": "127.0.0.1", "port": server.port, "user": "imgclass", "dbname": "imgclass",
        "password": secret_files.read(server.layout.secrets, "postgres-password"),
        "connect_timeout": 5, **changes})


def query(server: Postgres, statement: str) -> Any:
    """The first value of a statement's result."""
    with closing(connect(server)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def process(server: Postgres) -> psutil.Process:
    found = server.processes.running("postgres")
    assert found is not None
    return found


def data(server: Postgres) -> Path:
    """Where the cluster is."""
    return Path(process(server).cwd())


def test_application_has_its_own_database(server: Postgres) -> None:
    """The functions' role owns its database, and has no power beyond it."""
    assert query(server, "SELECT current_database()") == "imgclass"
    assert query(server, "SELECT pg_get_userbyid(datdba) FROM pg_database "
                         "WHERE datname = 'imgclass'") == "imgclass"
    assert query(server, "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles "
                         "WHERE rolname = current_user") is False
    assert query(server, "SHOW server_encoding") == "UTF8"
    assert query(server, "SELECT upper('ä')") == "Ä"


@pytest.mark.parametrize("changes", [
    {"password": "wrong"}, {"password": ""}, {"user": "postgres"},
    {"user": "postgres", "password": "postgres", "dbname": "postgres"}])
def test_wrong_password_is_refused(server: Postgres, changes: dict[str, str]) -> None:
    """Nobody gets in without the right password, from this machine neither."""
    with pytest.raises(psycopg2.OperationalError, match="password"):
        connect(server, **changes)


def test_passwords_are_stored_as_scram(server: Postgres) -> None:
    """The server keeps no password that could be read back."""
    with server.admin_connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolname, left(rolpassword, 14) FROM pg_authid "
                       "WHERE rolpassword IS NOT NULL ORDER BY 1")
        assert cursor.fetchall() == [
            ("imgclass", "SCRAM-SHA-256$"), ("postgres", "SCRAM-SHA-256$")]


def test_no_password_is_left_about(server: Postgres) -> None:
    """Passwords are neither in arguments nor in a file besides the secrets."""
    secrets = [secret_files.read(server.layout.secrets, name)
               for name in ("postgres-password", "postgres-admin-password")]
    assert not any(secret in word for word in process(server).cmdline() for secret in secrets)
    assert [path.name for path in data(server).parent.glob("password*")] == []
    log = (server.layout.logs / "postgres.log").read_text()
    assert not any(secret in log for secret in secrets)


def test_it_listens_on_loopback_alone(server: Postgres) -> None:
    """One TCP port on 127.0.0.1, and no Unix socket."""
    listening = [each.laddr for each in process(server).net_connections("all")
                 if each.status == psutil.CONN_LISTEN or each.family.name == "AF_UNIX"]
    assert [tuple(address) for address in listening] == [("127.0.0.1", server.port)]


def test_it_does_not_run_as_root(server: Postgres) -> None:
    """As root or not, the server has an ordinary user."""
    assert process(server).uids().effective != 0


def test_second_start_changes_nothing(server: Postgres) -> None:
    """A server that runs is left as it is."""
    before = process(server)
    assert server.start() is False
    assert process(server) == before


def test_data_survives_a_stop(server: Postgres) -> None:
    """What was committed is there after a stop and a start; stopping leaves no process."""
    query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    members = [process(server), *process(server).children(recursive=True)]
    server.processes.stop(["postgres"])
    assert len(members) > 3
    assert wait_for_end(members, 0) == []
    assert server.start() is True
    assert query(server, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("round", range(3))
def test_data_survives_a_kill(server: Postgres, round: int) -> None:
    """After kill -9 the server starts at once, and has all that was committed."""
    query(server, f"CREATE TABLE killed_{round} AS SELECT 42 AS answer")
    process(server).kill()
    assert server.start() is True
    assert query(server, f"SELECT answer FROM killed_{round}") == 42


def test_reused_number_does_not_stop_the_start(server: Postgres) -> None:
    """A lock file whose process number belongs to somebody else by now is no hindrance."""
    lock = data(server) / "postmaster.pid"
    process(server).kill()
    server.processes.stop(["postgres"])
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    assert server.start() is True
    assert query(server, "SELECT 1") == 1


def test_changed_secrets_are_one_line(server: Postgres) -> None:
    """Passwords that do not fit the data are named, rather than waited for."""
    path = server.layout.secrets / "postgres-admin-password"
    right = path.read_text()
    server.processes.stop(["postgres"])
    secret_files.write(path, "wrong")
    try:
        with pytest.raises(StackError, match="do not open the database: restore them"):
            server.start()
    finally:
        secret_files.write(path, right)
        server.start()


def test_data_of_another_version_is_one_line(tmp_path: Path) -> None:
    """A cluster of another major version is not touched."""
    layout = prepared(tmp_path)
    server = Postgres(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH)
    try:
        folder = placement.place(layout.postgres, unprivileged()).data
        folder.mkdir()
        (folder / "PG_VERSION").write_text("9.6\n")
        with pytest.raises(StackError, match="written by Postgres 9.6 and this is Postgres 1"):
            server.start()
    finally:
        placement.remove(layout.postgres)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_private_checkout_is_no_hindrance(tmp_path: Path) -> None:
    """As root, what Postgres' user cannot reach is put where it can, and removed again."""
    layout = prepared(tmp_path)  # pytest's folders are for their owner alone
    with postgres_server(layout) as server:
        home = Path((layout.postgres / "location").read_text())
        assert home.parent == placement.ELSEWHERE
        assert data(server) == home / "data"
        assert query(server, "SELECT 1") == 1
        server.processes.stop(["postgres"])
        assert server.start() is True
        assert Path((layout.postgres / "location").read_text()) == home
    assert not home.exists()
