"""`python sql/migrate.py`: twice, side by side, back and forth, and when it cannot work."""
from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from common.config import Settings
from sql.migrate import _url
from tests.databases import MIGRATE, add_model, dbmate, migrate, query, temporary_database

MIGRATIONS = sorted(path.name for path in MIGRATE.parent.glob("*.sql"))
SCHEMA = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def blank(servers: Settings) -> Iterator[Settings]:
    """A database without a table."""
    with temporary_database(servers) as own:
        yield own


def applied(settings: Settings) -> int:
    (row,) = query(settings, "SELECT count(*) AS n FROM schema_migrations")
    return int(row["n"])


def finish(settings: Settings) -> tuple[int, str]:
    """Run the migrations to the end: exit status and output."""
    process = migrate(settings)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_files_are_numbered_without_gaps() -> None:
    """Migrations run in the order of their numbers, and no number is used twice."""
    assert [re.match(r"\d{4}(?=_\w+\.sql$)", name)[0] for name in MIGRATIONS] == [  # type: ignore
        f"{number:04}" for number in range(1, len(MIGRATIONS) + 1)]


def test_every_migration_can_be_undone() -> None:
    """Each file says how to get there and how to get back."""
    for name in MIGRATIONS:
        text = (MIGRATE.parent / name).read_text(encoding="utf-8")
        assert "-- migrate:up" in text and "-- migrate:down" in text, name


def test_twice(blank: Settings) -> None:
    """Everything is applied once; a second run finds nothing to do."""
    assert finish(blank)[0] == 0
    before = query(blank, SCHEMA)
    assert finish(blank)[0] == 0
    assert query(blank, SCHEMA) == before
    assert applied(blank) == len(MIGRATIONS)


@pytest.mark.parametrize("attempt", range(3))
def test_side_by_side(blank: Settings, attempt: int) -> None:
    """Replicas that start together on an empty database all succeed, and migrate once."""
    processes = [migrate(blank) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert applied(blank) == len(MIGRATIONS)


def test_back_and_forth(blank: Settings) -> None:
    """Undoing every migration leaves nothing; doing them again gives the same schema."""
    assert finish(blank)[0] == 0
    before = query(blank, SCHEMA)
    for _ in MIGRATIONS:
        dbmate(blank, "rollback")
    tables = query(blank, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tablename"] for row in tables] == ["schema_migrations"]
    assert finish(blank)[0] == 0
    assert query(blank, SCHEMA) == before


def test_one_active_model(database_settings: Settings) -> None:
    """The database itself sees to it that one model is active at most, and only a ready one."""
    add_model(database_settings, "v1", is_active=True)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        add_model(database_settings, "v2", is_active=True)
    add_model(database_settings, "v2")
    for state in ("validating", "rejected"):
        with pytest.raises(psycopg2.errors.CheckViolation):
            add_model(database_settings, "v3", state=state, is_active=True)


def test_odd_password(blank: Settings) -> None:
    """A password of any characters reaches the migration tool as it is."""
    password = "p@ss/w:rd?#%20 '\\ü"
    url = _url(replace(blank, postgres_password=password))
    assert parse_dsn(url)["password"] == password


def test_missing_setting(tmp_path: Path) -> None:
    """A setting that is missing is named in one line."""
    done = subprocess.run([sys.executable, MIGRATE], env={"SECRETS_DIR": str(tmp_path)},
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert done.stderr.startswith("migrate: MINIO_ENDPOINT is not set")
    assert done.stderr.count("\n") == 1
