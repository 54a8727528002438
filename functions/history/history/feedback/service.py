"""Saying what a picture really shows, and finding what is worth asking about."""
from __future__ import annotations

import uuid

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.cursors import Page, cut_page
from common.errors import InvalidRequest, NotFound
from history.feedback.cursor import MarginPosition
from history.feedback.repository import FeedbackRepository, Row, Subject


class Feedback:
    """What owners say of their predictions, and administrators of anybody's, who leave a line."""

    def __init__(self, repository: FeedbackRepository, trail: AuditTrail) -> None:
        self._repository = repository
        self._trail = trail

    def put(
        self, caller: Principal, prediction_id: uuid.UUID, label: str, comment: str | None,
        origin: Origin,
    ) -> Row:
        """Confirm or correct; saying the same again changes nothing.

        Raises NotFound, and InvalidRequest for a label that the model version does not have.
        """
        subject = self._subject(caller, prediction_id, label)
        if not subject.fits:
            raise InvalidRequest(
                f"label must be one of the classes of model version {subject.model_version}, "
                "written as in its labels.txt.")
        self._note(caller, subject, prediction_id, "feedback.put", origin)
        row = self._repository.put(prediction_id, label, comment)
        if row is None:
            raise _unknown()
        return row

    def remove(self, caller: Principal, prediction_id: uuid.UUID, origin: Origin) -> None:
        """Take back what was said, if anything was. Raises NotFound."""
        subject = self._subject(caller, prediction_id)
        self._note(caller, subject, prediction_id, "feedback.remove", origin)
        self._repository.remove(prediction_id)

    def uncertain(self, caller: Principal, limit: int, cursor: str | None) -> Page:
        """The caller's predictions without feedback, least certain first, behind `cursor`.

        Raises InvalidValue for a foreign cursor.
        """
        after = MarginPosition.decode(cursor) if cursor else None
        return cut_page(
            self._repository.uncertain(caller.user_id, limit + 1, after), limit,
            lambda last: MarginPosition(last["margin"], last["prediction_id"]).encode())

    def _subject(
        self, caller: Principal, prediction_id: uuid.UUID, label: str | None = None
    ) -> Subject:
        owner = None if caller.is_admin else caller.user_id
        subject = self._repository.subject(prediction_id, owner, label)
        if subject is None:
            raise _unknown()
        return subject

    def _note(
        self, caller: Principal, subject: Subject, prediction_id: uuid.UUID, action: str,
        origin: Origin,
    ) -> None:
        if subject.user_id != caller.user_id:
            self._trail.write(
                origin, action, str(prediction_id), {"owner": str(subject.user_id)})


def _unknown() -> NotFound:
    return NotFound("There is no such prediction.")
