"""What the inbox measures."""
from __future__ import annotations

from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from predict.inbox.reconcile import Differences
from predict.inbox.repository import Backlog


class InboxTelemetry:
    """The metrics of uploads on their way through the inbox."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "imgclass_inbox_events", "Events of uploads dealt with.", ["outcome"],
            registry=registry)
        self.seconds = Histogram(
            "imgclass_inbox_event_duration_seconds", "Dealing with the event of an upload.",
            buckets=(.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10), registry=registry)
        self._backlog = Gauge(
            "imgclass_inbox_backlog", "Events not dealt with, as last counted.", ["state"],
            registry=registry)
        self._adopted = Counter(
            "imgclass_sweep_adopted_uploads", "Uploads found that nothing had announced.",
            registry=registry)
        self._differences = Counter(
            "imgclass_sweep_differences", "Pictures found without a row or without an object.",
            ["kind"], registry=registry)

    def swept(self, adopted: int, differences: Differences | None) -> None:
        """Count what a sweep has found."""
        self._adopted.inc(adopted)
        if differences is not None:
            for kind, count in asdict(differences).items():
                self._differences.labels(kind).inc(count)

    def backlog(self, backlog: Backlog) -> None:
        """Tell what is left to do."""
        for state, count in asdict(backlog).items():
            self._backlog.labels(state).set(count)
