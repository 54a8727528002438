"""The thread that keeps the metric of drift, so that nobody's scrape costs a query."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone

from prometheus_client import CollectorRegistry, Gauge

from common.background import BackgroundLoop
from model_admin.drift.repository import DriftReader, Span

WINDOW, BASELINE = timedelta(days=7), timedelta(days=28)
# Drift takes days; the question reads five weeks of answers.
REFRESH_SECONDS = 900.0


class DriftWatch:
    """Measures now and then the answers of a week against those of the four weeks before.

    Versions that have too few answers, or none any more, are not named by the metric.
    """

    def __init__(self, reader: DriftReader, registry: CollectorRegistry) -> None:
        self._reader = reader
        self._psi = Gauge(
            "imgclass_drift_psi", "Population stability index of the last seven days against the "
            "28 before.", ["model_version", "feature"], registry=registry)
        self._named: set[tuple[str, str]] = set()
        self._loop = BackgroundLoop("drift", "measuring drift", self._refresh, REFRESH_SECONDS)

    def start(self) -> None:
        """Begin to measure; returns at once."""
        self._loop.start()

    def refresh(self) -> None:
        """Measure once. Raises DatabaseUnavailable, and InvalidValue if it takes too long; then
        the metric stays as it was."""
        until = datetime.now(timezone.utc)
        measured = {
            (each.model_version, each.feature): each.psi
            for each in self._reader.measure(
                Span(until - WINDOW - BASELINE, until - WINDOW, until))
            if each.psi is not None}
        for labels, psi in measured.items():
            self._psi.labels(*labels).set(psi)
        for labels in self._named - measured.keys():
            self._psi.remove(*labels)
        self._named = {*measured}

    def _refresh(self) -> bool:
        self.refresh()
        return False
