"""What predict measures of its deliveries."""
from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from predict.outbox.repository import Backlog


class OutboxTelemetry:
    """The metrics of deliveries; a receiver is "sink" or "webhook", however many there are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "imgclass_event_delivery_attempts", "Attempts to deliver an event, by what came of "
            "them: delivered, answered (with an error), silent, unreachable, refused (its "
            "address), unexpected.", ["receiver", "outcome"], registry=registry)
        self.attempt_seconds = Histogram(
            "imgclass_event_delivery_duration_seconds", "Attempts to deliver an event.",
            ["receiver"], buckets=(.005, .02, .05, .1, .2, .5, 1, 2, 5, 15), registry=registry)
        self.given_up = Counter(
            "imgclass_events_given_up", "Deliveries that were given up.", registry=registry)
        self._outbox = Gauge(
            "imgclass_outbox_deliveries", "Deliveries that wait (pending) or were given up "
            "(dead).", ["receiver", "state"], registry=registry)
        self._oldest = Gauge(
            "imgclass_outbox_oldest_pending_seconds", "Age of the oldest delivery that waits.",
            ["receiver"], registry=registry)

    def measure(self, backlog: Iterable[Backlog]) -> None:
        """Show what there is in the outbox now."""
        found = {(each.to_sink, each.state): each for each in backlog}
        for to_sink in (True, False):
            receiver = receiver_label(to_sink)
            for state in ("pending", "dead"):
                one = found.get((to_sink, state))
                self._outbox.labels(receiver, state).set(one.deliveries if one else 0)
            pending = found.get((to_sink, "pending"))
            self._oldest.labels(receiver).set(pending.oldest_seconds if pending else 0)


def receiver_label(to_sink: bool) -> str:
    """A receiver's kind."""
    return "sink" if to_sink else "webhook"
