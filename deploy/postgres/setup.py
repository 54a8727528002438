"""Make the functions' role and database: `python deploy/postgres/setup.py`.

Run again, it gives the role the password that POSTGRES_PASSWORD has now, and changes nothing else.
The role owns its database and has no other right.
"""
from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))

from common.config import Settings  # noqa: E402  # the script finds common/ by itself
from common.environment import setting  # noqa: E402
from common.errors import ConfigurationError  # noqa: E402

CONNECT_TIMEOUT_SECONDS = 10
QUERIES: Any = aiosql.from_path(FOLDER / "setup.sql", "psycopg2")


@dataclass(frozen=True)
class SetupSettings(Settings):
    """How to reach the server as its administrator as well."""

    postgres_admin_user: str = setting("role that may make roles and databases", "postgres")
    postgres_admin_password: str = setting("its password", secret=True)


def set_up(settings: SetupSettings) -> None:
    """Raises psycopg2.Error when the server does not let us."""
    with closing(psycopg2.connect(
            user=settings.postgres_admin_user, password=settings.postgres_admin_password,
            host=settings.postgres_host, port=settings.postgres_port, dbname="postgres",
            sslmode=settings.postgres_sslmode,
            connect_timeout=CONNECT_TIMEOUT_SECONDS)) as connection:
        connection.autocommit = True  # a database cannot be made in a transaction
        role, database = settings.postgres_user, settings.postgres_db
        verb = "ALTER" if QUERIES.role_exists(connection, role=role) else "CREATE"
        _run(connection, f"{verb} ROLE {{}} LOGIN PASSWORD {{}}",
             sql.Identifier(role), sql.Literal(settings.postgres_password))
        if not QUERIES.database_exists(connection, database=database):
            _run(connection, "CREATE DATABASE {} OWNER {}",
                 sql.Identifier(database), sql.Identifier(role))


def _run(connection: Connection, statement: str, *names: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*names))


if __name__ == "__main__":
    try:
        set_up(SetupSettings.load())
    except ConfigurationError as error:
        sys.exit(f"setup: {error}")
    except psycopg2.Error as error:
        sys.exit(f"setup: {str(error).strip()}")
    print("setup: the database is ready for its migrations")
