"""Feedback in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries
from common.errors import Conflict
from history.feedback.cursor import MarginPosition

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """A prediction to say something of: whose it is, who made it, and whether a label `fits`."""

    user_id: uuid.UUID
    model_version: str
    fits: bool


class FeedbackRepository(Protocol):
    """Keeps what people say of predictions. Every method raises DatabaseUnavailable."""

    def subject(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None, label: str | None = None
    ) -> Subject | None:
        """The prediction, if it belongs to `owner`; None owns everything.

        A label fits if it is one of the model version's, or if those are not known.
        """

    def put(self, prediction_id: uuid.UUID, label: str, comment: str | None) -> Row | None:
        """Replace what was said: `label`, `comment`, `created_at`, `updated_at`. None if the
        prediction is gone."""

    def remove(self, prediction_id: uuid.UUID) -> None:
        """Nothing is said of the prediction any more."""

    def uncertain(
        self, user_id: uuid.UUID, limit: int, after: MarginPosition | None
    ) -> list[Row]:
        """A user's predictions without feedback: as listed, and with `margin`, least first."""


class PostgresFeedback:
    """FeedbackRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subject(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None, label: str | None = None
    ) -> Subject | None:
        with self._database.transaction() as connection:
            row = _queries.find_subject(
                connection, prediction_id=prediction_id, owner=owner, label=label)
        return Subject(**{**row, "fits": bool(row["fits"])}) if row else None

    def put(self, prediction_id: uuid.UUID, label: str, comment: str | None) -> Row | None:
        try:
            with self._database.transaction() as connection:
                row: Row = _queries.put_feedback(
                    connection, prediction_id=prediction_id, label=label, comment=comment)
        except Conflict:  # it was erased since somebody looked
            return None
        return row

    def remove(self, prediction_id: uuid.UUID) -> None:
        with self._database.transaction() as connection:
            _queries.remove_feedback(connection, prediction_id=prediction_id)

    def uncertain(
        self, user_id: uuid.UUID, limit: int, after: MarginPosition | None
    ) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_uncertain(
                connection, user_id=user_id, limit=limit,
                cursor_margin=after and after.margin, cursor_id=after and after.prediction_id)]
