"""The adapters of backfills on a real PostgreSQL."""
from __future__ import annotations

import pytest

from common.config import Settings
from common.db import Database
from model_admin.backfill.claims import PostgresBackfillClaims
from model_admin.backfill.repository import PostgresBackfillRepository
from tests.databases import add_model
from tests.integration.model_admin.backfill.archive import ArchiveInPostgres


@pytest.fixture
def backfills(database: Database, database_settings: Settings) -> PostgresBackfillRepository:
    for version, state in (("v1", "ready"), ("v2", "ready"), ("v3", "validating")):
        add_model(database_settings, version, state=state)
    return PostgresBackfillRepository(database)


@pytest.fixture
def claims(database: Database) -> PostgresBackfillClaims:
    return PostgresBackfillClaims(database)


@pytest.fixture
def archive(database: Database, backfills: PostgresBackfillRepository) -> ArchiveInPostgres:
    return ArchiveInPostgres(database)
