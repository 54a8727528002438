"""The functions' role and database, made by their administrator."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest

from common.db import Database
from deploy.postgres.setup import SetupSettings, set_up
from imgclass.embedded import secret_files
from tests import servers
from tests.environments import environment

# What an administrator may have to put in quotes.
ROLE, DATABASE, PASSWORD = 'the "functions"', "o'clock", "it's 100% \\secret"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings that lead to a PostgreSQL of this module's own, as its administrator."""
    layout = servers.prepared(tmp_path_factory.mktemp("database"))
    with servers.postgres_server(layout) as running:
        yield {
            **running.settings(), "POSTGRES_USER": ROLE, "POSTGRES_DB": DATABASE,
            "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_ADMIN_USER": "postgres",
            "POSTGRES_ADMIN_PASSWORD": secret_files.read(
                layout.secrets, "postgres-admin-password")}


def settings(server: dict[str, str], **changes: str) -> SetupSettings:
    return SetupSettings.load(environment(**{**server, **changes}))


def asked(settings: SetupSettings, query: str) -> dict[str, object]:
    """The one row of a query made by the functions' role."""
    database = Database(settings, size=1)
    try:
        with database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            row: dict[str, object] = cursor.fetchone()
            return row
    finally:
        database.close()


def test_role_owns_its_database(server: dict[str, str]) -> None:
    """The functions can log in and make tables, and are no administrators."""
    set_up(settings(server))
    assert asked(settings(server), "SELECT current_user::text AS role, rolsuper, rolcreaterole, "
                 "rolcreatedb, has_database_privilege(current_database(), 'CREATE') AS owns "
                 "FROM pg_roles WHERE rolname = current_user") == {
        "role": ROLE, "rolsuper": False, "rolcreaterole": False, "rolcreatedb": False,
        "owns": True}


def test_run_again(server: dict[str, str]) -> None:
    """Run again, it keeps what is there and gives the role its new password."""
    set_up(settings(server))
    asked(settings(server), "CREATE TABLE kept AS SELECT 1; SELECT 1 AS done")
    changed = settings(server, POSTGRES_PASSWORD="another")
    set_up(changed)
    assert asked(changed, "SELECT count(*) AS tables FROM pg_tables WHERE tablename = 'kept'") == {
        "tables": 1}
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        Database(settings(server), size=1).connect()


@pytest.mark.parametrize(("changes", "words"), [
    ({"POSTGRES_ADMIN_PASSWORD": "wrong"}, "password authentication failed"),
    ({"POSTGRES_ADMIN_PASSWORD": ""}, "POSTGRES_ADMIN_PASSWORD is not set"),
    ({"POSTGRES_PORT": "1"}, "Connection refused")])
def test_failure_is_explained(
    server: dict[str, str], changes: dict[str, str], words: str,
) -> None:
    """Who cannot set it up learns why, without a traceback."""
    done = subprocess.run(
        [sys.executable, "deploy/postgres/setup.py"], cwd=servers.ROOT, timeout=60, text=True,
        capture_output=True, env=environment(**{**server, **changes}))
    assert done.returncode == 1
    assert done.stderr.startswith("setup: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
