"""Reading the audit log page by page."""
from __future__ import annotations

from dataclasses import dataclass

from common.fields import parse_integer
from model_admin.audit.repository import AuditReader, Filters, Row

# Where Python and PostgreSQL agree what a number is; fields have at most twelve digits.
MAX_CURSOR = 10 ** 12 - 1


@dataclass(frozen=True)
class Page:
    """Lines, and where the next page begins, if there is one."""

    rows: list[Row]
    next_cursor: str | None


class AuditLog:
    """What an administrator may see of what was done."""

    def __init__(self, reader: AuditReader) -> None:
        self._reader = reader

    def page(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        """The newest lines, or those behind `cursor`. Raises InvalidValue for a foreign one."""
        before = None if cursor is None else parse_integer("cursor", cursor, 1, MAX_CURSOR)
        # One line more than asked for tells whether another page follows.
        rows = self._reader.page(filters, limit + 1, before)
        more, rows = len(rows) > limit, rows[:limit]
        return Page(rows, str(rows[-1]["audit_id"]) if more else None)
