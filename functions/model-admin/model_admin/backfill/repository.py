"""Backfills in PostgreSQL, as administrators see them."""
from __future__ import annotations

import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.audit import Origin, write_audit
from common.db import LONG_STATEMENT_TIMEOUT, Database, load_queries
from model_admin.backfill.orders import Order

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


class BackfillRepository(Protocol):
    """Keeps backfills. Every method raises DatabaseUnavailable.

    Starting and cancelling leave a line in the audit log, in the same transaction.
    """

    def start(self, order: Order, origin: Origin) -> Row | None:
        """Count the pictures and let the backfill run; None if its model is not ready."""

    def model_state(self, version: str) -> str | None:
        """How far a model version has come; None if there is none."""

    def find(self, backfill_id: uuid.UUID) -> Row | None:
        """A backfill with `failures`, the first pictures it could not classify and why."""

    def list(self) -> list[Row]:
        """The newest backfills, newest first, without failures."""

    def cancel(self, backfill_id: uuid.UUID, origin: Origin) -> bool:
        """End a running backfill: nothing is recorded for it from now on. False if none runs."""


class PostgresBackfillRepository:
    """BackfillRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, order: Order, origin: Origin) -> Row | None:
        document = order.filter.as_json()
        with self._database.transaction(LONG_STATEMENT_TIMEOUT) as connection:
            total = _queries.count_pictures(connection, **asdict(order.filter))
            row: Row | None = _queries.insert_backfill(
                connection, model_version=order.model_version, filter=Json(document),
                pictures_per_second=order.pictures_per_second, total=total,
                created_by=origin.actor)
            if row is not None:
                write_audit(
                    connection, origin, "backfill.start", str(row["backfill_id"]), {
                        "model_version": order.model_version, "filter": document,
                        "pictures_per_second": order.pictures_per_second, "total": total})
        return row

    def model_state(self, version: str) -> str | None:
        with self._database.transaction() as connection:
            state: str | None = _queries.model_state(connection, version=version)
        return state

    def find(self, backfill_id: uuid.UUID) -> Row | None:
        with self._database.transaction() as connection:
            row: Row | None = _queries.find_backfill(connection, backfill_id=backfill_id)
            if row is not None:
                row["failures"] = [*_queries.list_failures(connection, backfill_id=backfill_id)]
        return row

    def list(self) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_backfills(connection)]

    def cancel(self, backfill_id: uuid.UUID, origin: Origin) -> bool:
        with self._database.transaction() as connection:
            row = _queries.cancel_backfill(connection, backfill_id=backfill_id)
            if row is not None:
                write_audit(connection, origin, "backfill.cancel", str(backfill_id), dict(row))
        return row is not None
