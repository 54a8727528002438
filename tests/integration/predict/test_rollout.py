"""The rollout on a real PostgreSQL keeps the contract."""
from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from common.config import Settings
from common.db import Database
from predict.rollout import PostgresRolloutRepository, Rollout
from tests.contracts.rollout_repository import RolloutRepositoryContract, Serving
from tests.databases import add_model, query
from tests.environments import settings


class TestPostgresRolloutRepository(RolloutRepositoryContract):
    """The real adapter."""

    @pytest.fixture
    def repository(self, database: Database) -> PostgresRolloutRepository:
        return PostgresRolloutRepository(database)

    @pytest.fixture
    def change(self, database_settings: Settings) -> Callable[[Rollout], None]:
        def change(rollout: Rollout) -> None:
            query(database_settings, "DELETE FROM model_versions")
            for role, row in {"active": rollout.active, "canary": rollout.canary,
                              "shadow": rollout.shadow}.items():
                if row is not None:
                    add_model(
                        database_settings, row.version, model_path=row.model_path,
                        digest=row.digest, twin_digest=row.twin_digest,
                        manifest=json.dumps(row.manifest), is_active=role == "active",
                        shadow=role == "shadow",
                        canary_percent=rollout.canary_percent if role == "canary" else 0)
            add_model(database_settings, "idle")
        return change

    @pytest.fixture
    def reports(self, database_settings: Settings) -> Callable[[], tuple[Serving, str | None]]:
        def reports() -> tuple[Serving, str | None]:
            (row,) = query(database_settings, "SELECT serving, problem FROM model_replicas")
            return row["serving"], row["problem"]
        return reports

    @pytest.fixture
    def failures(self, database_settings: Settings) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [
            (row["subject"], row["detail"]["reason"]) for row in query(
                database_settings, "SELECT subject, detail FROM audit_log "
                "WHERE action = 'model.load_failed' ORDER BY audit_id")]

    @pytest.fixture
    def unreachable_repository(self) -> PostgresRolloutRepository:
        return PostgresRolloutRepository(Database(settings(), size=1))

    def test_every_replica_reports_for_itself(
        self, database: Database, database_settings: Settings,
    ) -> None:
        """Two processes on one host do not write over each other's report."""
        for _ in range(2):
            PostgresRolloutRepository(database).report({}, None)
        (row,) = query(database_settings, "SELECT count(*) AS n FROM model_replicas")
        assert row["n"] == 2
