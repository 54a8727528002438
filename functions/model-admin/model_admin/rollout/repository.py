"""Rollout decisions in PostgreSQL: each is one transaction, with its line in the audit log."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from common.audit import Origin, write_audit
from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))

REPLICA_MAX_AGE_SECONDS = 60

Row = dict[str, Any]


class RolloutRepository(Protocol):
    """Decides which versions answer. Every method raises DatabaseUnavailable.

    The deciding ones answer False or None, and change nothing, if the version is not in a state
    that allows it.
    """

    def activate(self, version: str, origin: Origin) -> bool:
        """Make a ready version that answers its golden pictures right the only active one."""

    def deactivate(self, version: str, origin: Origin) -> bool:
        """Take a version out of every role."""

    def rollback(self, origin: Origin) -> str | None:
        """Reactivate the last good version; answers its name."""

    def set_traffic(
        self, version: str, canary_percent: int, shadow: bool, origin: Origin
    ) -> bool:
        """Make a ready version the canary for a percentage of the users, the shadow, or both."""

    def retire(self, version: str, origin: Origin) -> str | None:
        """Mark a version without a role, and not the last good one, as deleted; its path."""

    def replicas(self) -> list[Row]:
        """The predict processes heard of lately and what they serve."""


class PostgresRolloutRepository:
    """RolloutRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def activate(self, version: str, origin: Origin) -> bool:
        with self._decision() as connection:
            previous = _queries.deactivate_active(connection, except_version=version)
            if _queries.activate_version(connection, version=version) is None:
                connection.rollback()
                return False
            _conclude(connection, origin, "model.activate", version,
                      previous=previous and previous["version"])
            return True

    def deactivate(self, version: str, origin: Origin) -> bool:
        with self._decision() as connection:
            if _queries.deactivate_version(connection, version=version) is None:
                return False
            _conclude(connection, origin, "model.deactivate", version)
            return True

    def rollback(self, origin: Origin) -> str | None:
        with self._decision() as connection:
            last_good = _queries.last_good_version(connection)
            if last_good is None:
                return None
            version: str = last_good["version"]
            previous = _queries.deactivate_active(connection, except_version=None)
            if previous is not None:
                _queries.forget_activation(connection, version=previous["version"])
            if _queries.activate_version(connection, version=version) is None:
                connection.rollback()
                return None
            _conclude(connection, origin, "model.rollback", version,
                      previous=previous and previous["version"])
            return version

    def set_traffic(
        self, version: str, canary_percent: int, shadow: bool, origin: Origin
    ) -> bool:
        with self._decision() as connection:
            if canary_percent > 0:
                _queries.clear_canary(connection, version=version)
            if shadow:
                _queries.clear_shadow(connection, version=version)
            changed = _queries.set_traffic(
                connection, version=version, canary_percent=canary_percent, shadow=shadow)
            if changed is None:
                connection.rollback()
                return False
            _conclude(connection, origin, "model.traffic", version,
                      canary_percent=canary_percent, shadow=shadow)
            return True

    def retire(self, version: str, origin: Origin) -> str | None:
        with self._decision() as connection:
            last_good = _queries.last_good_version(connection)
            if last_good is not None and last_good["version"] == version:
                return None
            retired = _queries.retire_version(connection, version=version)
            if retired is None:
                return None
            _conclude(connection, origin, "model.delete", version)
            path: str = retired["model_path"]
            return path

    def replicas(self) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_replicas(
                connection, max_age_seconds=REPLICA_MAX_AGE_SECONDS)]

    @contextmanager
    def _decision(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            _queries.lock_rollout(connection)
            yield connection


def _conclude(
    connection: Connection, origin: Origin, action: str, version: str, **detail: Any
) -> None:
    write_audit(connection, origin, action, version, detail)
    _queries.announce(connection, version=version)
