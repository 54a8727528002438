"""What history keeps of what people say, in memory."""
from __future__ import annotations

import uuid
from datetime import datetime, timezone

from common.errors import DatabaseUnavailable
from history.feedback.cursor import MarginPosition
from history.feedback.repository import Row, Subject
from tests.fakes.history import LISTED


class InMemoryFeedback:
    """FeedbackRepository on the rows of predictions; `down` makes it unreachable.

    `labels` are the classes of the versions of which they are known.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.labels: dict[str, list[str]] = {}
        self.down = False

    def subject(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None, label: str | None = None
    ) -> Subject | None:
        row = self._find(prediction_id)
        if row is None or owner not in (None, row["user_id"]):
            return None
        known = self.labels.get(row["model_version"])
        return Subject(row["user_id"], row["model_version"], known is None or label in (
            row["predicted_class"], *known))

    def put(self, prediction_id: uuid.UUID, label: str, comment: str | None) -> Row | None:
        row = self._find(prediction_id)
        if row is None:
            return None
        now, before = datetime.now(timezone.utc), row["feedback"]
        if before is None or (before["label"], before["comment"]) != (label, comment):
            row["feedback"] = {
                "label": label, "comment": comment,
                "created_at": before["created_at"] if before else now, "updated_at": now}
        said: Row = row["feedback"]
        return said

    def remove(self, prediction_id: uuid.UUID) -> None:
        row = self._find(prediction_id)
        if row is not None:
            row["feedback"] = None

    def uncertain(
        self, user_id: uuid.UUID, limit: int, after: MarginPosition | None
    ) -> list[Row]:
        self._reach()
        rows = [{**{name: row[name] for name in LISTED}, "margin": _margin(row)}
                for row in self.rows
                if row["user_id"] == user_id and row["feedback"] is None and row["top_k"]]
        rows.sort(key=lambda row: (row["margin"], row["prediction_id"]))
        return [row for row in rows if after is None or (
            row["margin"], row["prediction_id"]) > (after.margin, after.prediction_id)][:limit]

    def _find(self, prediction_id: uuid.UUID) -> Row | None:
        self._reach()
        return next((row for row in self.rows if row["prediction_id"] == prediction_id), None)

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


def _margin(row: Row) -> float:
    first, *others = (each["confidence"] for each in row["top_k"])
    margin: float = first - (others[0] if others else min(first, 1 - first))
    return margin
