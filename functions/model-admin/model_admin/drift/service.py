"""Reporting drift."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from common.errors import InvalidValue, NotFound
from model_admin.drift.repository import DriftReader, Span

WINDOW = timedelta(days=7)


def span_of(
    since: datetime | None, until: datetime | None, window: timedelta | None,
    baseline: timedelta | None,
) -> Span:
    """The window from `since`, or of that length, to `until` or now; its baseline, before it, is
    as long unless told otherwise. Raises InvalidValue."""
    if since and window:
        raise InvalidValue("Send either from or window, not both.")
    until = until or datetime.now(timezone.utc)
    try:
        since = since or until - (window or WINDOW)
        if since >= until:
            raise InvalidValue("from must be before to.")
        return Span(since - (baseline or until - since), since, until)
    except OverflowError:
        raise InvalidValue("from and to must be times later than these.") from None


class DriftReport:
    """Reports how far the answers of a window are from earlier ones."""

    def __init__(self, reader: DriftReader) -> None:
        self._reader = reader

    def report(self, span: Span, model_version: str | None) -> dict[str, Any]:
        """The report, as JSON values. Raises NotFound if the version was never registered."""
        if model_version is not None and not self._reader.is_registered(model_version):
            raise NotFound(f"There is no model version {model_version}.")
        models: dict[str, dict[str, Any]] = {}
        for drift in self._reader.measure(span, model_version):
            model = models.setdefault(drift.model_version, {
                "model_version": drift.model_version, "psi": {}, "answers": {}})
            model["psi"][drift.feature] = drift.psi
            model["answers"][drift.feature] = {
                "window": drift.recent, "baseline": drift.earlier}
        return {
            "window": {"from": span.since, "to": span.until},
            "baseline": {"from": span.baseline_since, "to": span.since},
            "models": [*models.values()],
        }
