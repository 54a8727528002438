"""The audit log as auditors read it, in memory."""
from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from common.errors import DatabaseUnavailable
from model_admin.audit.repository import Filters, Row

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
FIELDS = ("audit_id", "at", "actor", "action", "subject", "detail", "request_id",
          "remote_address")


def line(**changes: Any) -> Row:
    """A line about to be written, with `changes`."""
    return {
        "at": NOON, "actor": uuid.uuid4(), "action": "model.activate", "subject": "v1",
        "detail": {"previous": "v0"}, "request_id": "request-1", "remote_address": "192.0.2.7",
        **changes}


class InMemoryAuditReader:
    """AuditReader on a list, oldest line first; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.down = False

    def add(self, row: Row) -> Row:
        self.rows.append({"audit_id": len(self.rows) + 1, **row})
        return self.rows[-1]

    def page(self, filters: Filters, limit: int, before: int | None) -> list[Row]:
        if self.down:
            raise DatabaseUnavailable()
        return [row for row in reversed(self.rows)
                if (before is None or row["audit_id"] < before) and _selects(filters, row)][:limit]


def _selects(filters: Filters, row: Row) -> bool:
    action = filters.action
    return (
        filters.actor in (None, row["actor"])
        and (action is None or row["action"] == action
             or (action.endswith(".") and row["action"].startswith(action)))
        and filters.subject in (None, row["subject"])
        and (filters.since is None or row["at"] >= filters.since)
        and (filters.until is None or row["at"] < filters.until))
