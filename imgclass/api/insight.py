"""Predictions in numbers, and how far they have moved."""
from __future__ import annotations

import uuid
from datetime import datetime

from imgclass.api.base import ANALYSIS_TIMEOUT_SECONDS, Api, read_answer
from imgclass.parameters import query
from imgclass.results.drift import Drift
from imgclass.results.stats import Stats


class Insight(Api):
    """What everybody may count of their own predictions, and an administrator of all."""

    def stats(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        model_version: str | None = None,
        user_id: uuid.UUID | None = None,
    ) -> Stats:
        """Predictions by day and class, how sure and how fast they were.

        Without `since`, of the thirty days before `until`, which is now unless given. Both need a
        time zone.
        """
        asked = query(user_id=user_id, model_version=model_version, since=since, until=until)
        response = self._transport.send(
            "GET", "/api/v1/predictions/stats", params=asked,
            timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Stats.from_document)

    def drift(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        model_version: str | None = None,
        window: str | None = None,
        baseline: str | None = None,
    ) -> Drift:
        """How far classes, confidence and brightness have moved (role admin).

        The window is from `since`, or of a length such as 24h or 7d, to `until` or now; the
        baseline, before it, is as long unless told otherwise.
        """
        asked = query(
            model_version=model_version, since=since, until=until, window=window,
            baseline=baseline)
        response = self._transport.send(
            "GET", "/api/v1/drift", params=asked, timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Drift.from_document)
