"""Saying what a picture really shows, and finding what is worth asking about."""
from __future__ import annotations

import uuid
from collections.abc import Iterator

from imgclass.api.base import Api, read_answer, segment
from imgclass.results.feedback import Feedback, UncertainPage, UncertainPrediction


class Feedbacks(Api):
    """What everybody may say of predictions of their own, and an administrator of anybody's."""

    def give_feedback(
        self, prediction_id: uuid.UUID | str, label: str, comment: str | None = None
    ) -> Feedback:
        """Confirm a prediction, with its own class, or correct it; replaces what was said."""
        response = self._transport.send(
            "PUT", _path(prediction_id), repeatable=True,
            json={"label": label, "comment": comment})
        return read_answer(response, Feedback.from_document)

    def remove_feedback(self, prediction_id: uuid.UUID | str) -> None:
        """Take back what was said of a prediction, if anything was."""
        self._transport.send("DELETE", _path(prediction_id), repeatable=True)

    def uncertain(self) -> Iterator[UncertainPrediction]:
        """Your predictions without feedback, least certain first, fetched as they are consumed."""
        for page in self._pages("/api/v1/predictions/uncertain", UncertainPage.from_document):
            yield from page.predictions


def _path(prediction_id: uuid.UUID | str) -> str:
    return f"/api/v1/predictions/{segment(prediction_id)}/feedback"
