"""The audit log in PostgreSQL; common.audit writes it."""
from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Filters:
    """Which lines; None filters nothing. `until` is exclusive.

    An `action` that ends with a dot stands for all that begin with it.
    """

    actor: uuid.UUID | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditReader(Protocol):
    """Reads the audit log."""

    def page(self, filters: Filters, limit: int, before: int | None) -> list[Row]:
        """Lines with a number below `before`, the last ones written first.

        Raises DatabaseUnavailable.
        """


class PostgresAuditReader:
    """AuditReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, filters: Filters, limit: int, before: int | None) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_lines(
                connection, **asdict(filters), limit=limit, before=before)]
