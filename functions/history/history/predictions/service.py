"""Pages of a user's predictions, and single ones."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.cursors import Position
from common.errors import NotFound
from history.predictions.repository import Filters, PredictionReader, Row


@dataclass(frozen=True)
class Page:
    """Rows, how many there are in all, and where the next page begins, if there is one."""

    rows: list[Row]
    total: int
    next_cursor: str | None


class PredictionHistory:
    """What a caller may see of the predictions; who looks at another user's leaves a line."""

    def __init__(self, reader: PredictionReader, trail: AuditTrail) -> None:
        self._reader = reader
        self._trail = trail

    def page(
        self, caller: Principal, filters: Filters, page: int, limit: int, cursor: str | None,
        origin: Origin,
    ) -> Page:
        """Page number `page`, from 1, or the page behind `cursor`.

        Raises NotFound for somebody else's history and InvalidValue for a foreign cursor.
        """
        after = Position.decode(cursor) if cursor else None
        self._look_at(caller, filters.user_id, origin)
        offset = 0 if after else (page - 1) * limit
        # One row more than asked for tells whether another page follows.
        rows, total = self._reader.page(filters, limit + 1, offset, after)
        more, rows = len(rows) > limit, rows[:limit]
        last = Position(rows[-1]["created_at"], rows[-1]["prediction_id"]) if more else None
        return Page(rows, total, last.encode() if last else None)

    def export(self, caller: Principal, filters: Filters, origin: Origin) -> Iterator[Row]:
        """All that the filters select, as it is read. Raises NotFound for somebody else's."""
        self._look_at(caller, filters.user_id, origin)
        return self._reader.export(filters)

    def find(self, caller: Principal, prediction_id: uuid.UUID, origin: Origin) -> Row:
        """One prediction with its lineage. Raises NotFound."""
        row = self._reader.find(prediction_id, None if caller.is_admin else caller.user_id)
        if row is None:
            raise NotFound("There is no such prediction.")
        if row["user_id"] != caller.user_id:
            self._trail.write(
                origin, "prediction.read", str(prediction_id), {"owner": str(row["user_id"])})
        return row

    def _look_at(self, caller: Principal, user_id: uuid.UUID, origin: Origin) -> None:
        """Raises NotFound unless the caller may see this history; who sees another's leaves a
        line."""
        if user_id == caller.user_id:
            return
        if not caller.is_admin:
            raise NotFound("There is no history of this user.")
        self._trail.write(origin, "predictions.read", str(user_id))
