"""The four tables the product was asked for stand as they were given, after every migration."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from common.config import Settings
from tests.databases import dbmate, query, temporary_database

UUID, TIME = "uuid", "timestamp with time zone"
NEW_ID, NOW = "gen_random_uuid()", "now()"

# Written out by hand from the order: column, type, width, may be null, default.
SEED: dict[str, list[tuple[str, str, int | None, bool, str | None]]] = {
    "users": [
        ("user_id", UUID, None, False, NEW_ID),
        ("email", "character varying", 255, False, None),
        ("created_at", TIME, None, False, NOW),
    ],
    "images": [
        ("image_id", UUID, None, False, NEW_ID),
        ("user_id", UUID, None, False, None),
        ("filename", "character varying", 255, False, None),
        ("object_key", "character varying", 512, False, None),
        ("content_type", "character varying", 100, False, None),
        ("size_bytes", "bigint", None, False, None),
        ("created_at", TIME, None, False, NOW),
    ],
    "model_versions": [
        ("version", "character varying", 50, False, None),
        ("model_path", "character varying", 512, False, None),
        ("is_active", "boolean", None, False, "false"),
        ("created_at", TIME, None, False, NOW),
    ],
    "predictions": [
        ("prediction_id", UUID, None, False, NEW_ID),
        ("image_id", UUID, None, False, None),
        ("model_version", "character varying", 50, False, None),
        ("predicted_class", "character varying", 255, False, None),
        ("confidence_score", "double precision", None, False, None),
        ("prediction_time_ms", "integer", None, False, None),
        ("created_at", TIME, None, False, NOW),
    ],
}
KEYS = {
    ("users", "PRIMARY KEY (user_id)"), ("users", "UNIQUE (email)"),
    ("images", "PRIMARY KEY (image_id)"), ("images", "UNIQUE (object_key)"),
    ("images", "FOREIGN KEY (user_id) REFERENCES users(user_id)"),
    ("model_versions", "PRIMARY KEY (version)"),
    ("predictions", "PRIMARY KEY (prediction_id)"),
    ("predictions", "FOREIGN KEY (image_id) REFERENCES images(image_id)"),
    ("predictions", "FOREIGN KEY (model_version) REFERENCES model_versions(version)"),
}
COLUMNS = """
    SELECT column_name, data_type, character_maximum_length, is_nullable = 'YES' AS nullable,
           column_default
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s
    ORDER BY ordinal_position
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
"""


def columns(settings: Settings, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in query(settings, COLUMNS, table)]


def keys(settings: Settings) -> set[tuple[str, str]]:
    return {(row["table"], row["definition"]) for row in query(settings, CONSTRAINTS)}


@pytest.fixture(scope="module")
def seeded(servers: Settings) -> Iterator[Settings]:
    """A database with the first migration alone."""
    with temporary_database(servers) as own:
        dbmate(own, "migrate", only="0001_seed.sql")
        yield own


def test_seed_has_four_tables(seeded: Settings) -> None:
    """The first migration makes the four tables and nothing else."""
    tables = query(seeded, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in tables} == {*SEED, "schema_migrations"}
    assert {key for key in keys(seeded) if key[0] in SEED} == KEYS


@pytest.mark.parametrize("table", SEED)
def test_seed_columns(seeded: Settings, table: str) -> None:
    """Each table has exactly the columns given: names, order, types, nullability, defaults."""
    assert columns(seeded, table) == SEED[table]


@pytest.mark.parametrize("table", SEED)
def test_later_migrations_only_add(database_settings: Settings, table: str) -> None:
    """After every migration the columns of the seed are what they were; others come behind."""
    assert columns(database_settings, table)[:len(SEED[table])] == SEED[table]


def test_later_migrations_keep_the_keys(database_settings: Settings) -> None:
    """After every migration the keys of the seed are still there."""
    assert KEYS <= keys(database_settings)
