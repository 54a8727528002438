"""Pages of a user's predictions, and single ones."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.cursors import Page, Position, cut_page
from common.errors import NotFound
from history.access import open_history
from history.predictions.repository import Filters, PredictionReader, Row


@dataclass(frozen=True)
class CountedPage(Page):
    """A page of a list that has `total` rows."""

    total: int


class PredictionHistory:
    """What a caller may see of the predictions; who looks at another user's leaves a line."""

    def __init__(self, reader: PredictionReader, trail: AuditTrail) -> None:
        self._reader = reader
        self._trail = trail

    def page(
        self, caller: Principal, filters: Filters, page: int, limit: int, cursor: str | None,
        origin: Origin,
    ) -> CountedPage:
        """Page number `page`, from 1, or the page behind `cursor`.

        Raises NotFound for somebody else's history and InvalidValue for a foreign cursor.
        """
        after = Position.decode(cursor) if cursor else None
        open_history(caller, filters.user_id, self._trail, origin)
        offset = 0 if after else (page - 1) * limit
        rows, total = self._reader.page(filters, limit + 1, offset, after)
        cut = cut_page(
            rows, limit, lambda last: Position(last["created_at"], last["prediction_id"]).encode())
        return CountedPage(cut.rows, cut.next_cursor, total)

    def export(self, caller: Principal, filters: Filters, origin: Origin) -> Iterator[Row]:
        """All that the filters select, as it is read. Raises NotFound for somebody else's."""
        open_history(caller, filters.user_id, self._trail, origin)
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
