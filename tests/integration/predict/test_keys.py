"""Idempotency keys on a real PostgreSQL keep the contract."""
from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from common.config import Settings
from common.db import Database
from predict.idempotency.repository import PostgresKeyRepository
from predict.repository import PostgresPredictionRepository
from tests.contracts.idempotency import KeysContract
from tests.databases import add_model, query
from tests.environments import settings


class OfficeInPostgres:
    """Both halves of the contract on one database."""

    def __init__(self, database: Database, database_settings: Settings) -> None:
        self._settings = database_settings
        self.keys = PostgresKeyRepository(database)
        self.repository = PostgresPredictionRepository(database)

    def let_pass(self, time: timedelta) -> None:
        query(self._settings, "UPDATE idempotency_keys SET created_at = created_at - %s", time)

    def erase(self, prediction_id: uuid.UUID) -> None:
        for statement in (
                "DELETE FROM predictions WHERE prediction_id = %s",
                "UPDATE idempotency_keys SET request_digest = NULL, prediction_id = "
                "'00000000-0000-0000-0000-000000000000' WHERE prediction_id = %s"):
            query(self._settings, statement, prediction_id)

    def count(self) -> int:
        (row,) = query(self._settings, "SELECT count(*) AS n FROM idempotency_keys")
        return int(row["n"])


@pytest.fixture
def office(database: Database, database_settings: Settings) -> OfficeInPostgres:
    add_model(database_settings, "v1")
    return OfficeInPostgres(database, database_settings)


class TestPostgresKeys(KeysContract):
    """The real adapter."""

    @pytest.fixture
    def unreachable_keys(self) -> PostgresKeyRepository:
        return PostgresKeyRepository(Database(settings(), size=1))
