"""Reading the audit log page by page."""
from __future__ import annotations

from common.cursors import Page, cut_page
from common.fields import parse_integer
from model_admin.audit.repository import AuditReader, Filters

# Where Python and PostgreSQL agree what a number is; fields have at most twelve digits.
MAX_CURSOR = 10 ** 12 - 1


class AuditLog:
    """What an administrator may see of what was done."""

    def __init__(self, reader: AuditReader) -> None:
        self._reader = reader

    def page(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        """The newest lines, or those behind `cursor`. Raises InvalidValue for a foreign one."""
        before = None if cursor is None else parse_integer("cursor", cursor, 1, MAX_CURSOR)
        return cut_page(
            self._reader.page(filters, limit + 1, before), limit,
            lambda last: str(last["audit_id"]))
