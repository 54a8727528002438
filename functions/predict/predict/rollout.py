"""What the database says about which versions answer, and how it hears of replicas."""
from __future__ import annotations

import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.audit import Origin, write_audit
from common.db import Database, load_queries
from common.inference.model import ModelRow

_queries = load_queries(Path(__file__).with_name("rollout.sql"))

CHANNEL = "imgclass_rollout"


@dataclass(frozen=True)
class Rollout:
    """The versions with a role; `canary_percent` is the canary's share of the users."""

    active: ModelRow | None = None
    canary: ModelRow | None = None
    canary_percent: int = 0
    shadow: ModelRow | None = None


class RolloutRepository(Protocol):
    """Reads the rollout and reports on it. Every method raises DatabaseUnavailable."""

    def rollout(self) -> Rollout:
        """Which versions have a role."""

    def report(self, serving: Mapping[str, Any], problem: str | None) -> None:
        """Tell what this replica serves, by role."""

    def note_load_failure(self, version: str, reason: str) -> None:
        """Write into the audit log that this replica could not load a version."""


class PostgresRolloutRepository:
    """RolloutRepository on PostgreSQL, for one replica."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._replica_id = uuid.uuid4()

    def rollout(self) -> Rollout:
        with self._database.transaction() as connection:
            rows = [*_queries.rollout(connection)]
        canary = next((row for row in rows if row["canary_percent"] > 0), None)
        return Rollout(
            active=_model(next((row for row in rows if row["is_active"]), None)),
            canary=_model(canary),
            canary_percent=canary["canary_percent"] if canary else 0,
            shadow=_model(next((row for row in rows if row["shadow"]), None)),
        )

    def report(self, serving: Mapping[str, Any], problem: str | None) -> None:
        with self._database.transaction() as connection:
            _queries.report_replica(
                connection, replica_id=self._replica_id, host=socket.gethostname()[:255],
                serving=Json(serving), problem=problem)

    def note_load_failure(self, version: str, reason: str) -> None:
        with self._database.transaction() as connection:
            write_audit(connection, Origin(), "model.load_failed", version, {
                "replica_id": str(self._replica_id), "reason": reason})


def _model(row: Mapping[str, Any] | None) -> ModelRow | None:
    if row is None:
        return None
    return ModelRow(
        row["version"], row["model_path"], row["digest"], row["twin_digest"], row["manifest"])
