"""The audit log: who did what, when, from where. Rows are only ever added."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("audit.sql"))


@dataclass(frozen=True)
class Origin:
    """Who asked for something, in which request, from which address; a machine has no actor.

    `service` is who really asked, if that was a service on the actor's behalf.
    """

    actor: uuid.UUID | None = None
    request_id: str | None = None
    remote_address: str | None = None
    service: uuid.UUID | None = None


def write_audit(
    connection: Connection,
    origin: Origin,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line in the transaction of what it tells of, so that neither exists alone."""
    represented = {"service": str(origin.service)} if origin.service else {}
    _queries.append_audit(
        connection, **asdict(origin), action=action, subject=subject,
        detail=Json({**(detail or {}), **represented}))


class AuditTrail(Protocol):
    """Takes lines of their own, for what changes nothing else."""

    def write(
        self, origin: Origin, action: str, subject: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Add a line. Raises DatabaseUnavailable."""


class PostgresAuditTrail:
    """AuditTrail on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self, origin: Origin, action: str, subject: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        with self._database.transaction() as connection:
            write_audit(connection, origin, action, subject, detail)
