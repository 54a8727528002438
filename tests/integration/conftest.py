"""Settings that lead to real servers, and a migrated, empty database for each test."""
from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from common.config import Settings
from common.db import Database
from tests.databases import migrate, temporary_database
from tests.environments import settings


@pytest.fixture(scope="session")
def servers(postgres: Mapping[str, str], object_store_server: Mapping[str, str]) -> Settings:
    """Where PostgreSQL and the object store are."""
    return settings(**postgres, **object_store_server)


@pytest.fixture(scope="session")
def template(servers: Settings) -> Iterator[str]:
    """A database with the newest schema, to be copied."""
    with temporary_database(servers) as own:
        process = migrate(own)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        yield own.postgres_db


@pytest.fixture
def database_settings(servers: Settings, template: str) -> Iterator[Settings]:
    """A database of the test's own, with the newest schema and no rows."""
    with temporary_database(servers, template) as own:
        yield own


@pytest.fixture
def database(database_settings: Settings) -> Iterator[Database]:
    """A pool of connections to it."""
    pool = Database(database_settings, size=8)
    yield pool
    pool.close()
