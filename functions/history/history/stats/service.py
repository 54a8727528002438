"""A user's predictions in numbers."""
from __future__ import annotations

from typing import Any

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.errors import NotFound
from common.histograms import confidence_histogram, latency_histogram
from history.stats.repository import Selection, StatsReader

COUNTS = ("from", "to", "total", "classes", "by_day", "by_class")


class PredictionStats:
    """Counts what a caller may see; who counts another user's leaves a line."""

    def __init__(self, reader: StatsReader, trail: AuditTrail) -> None:
        self._reader = reader
        self._trail = trail

    def count(self, caller: Principal, selection: Selection, origin: Origin) -> dict[str, Any]:
        """The numbers, as JSON values. Raises NotFound for somebody else's."""
        if selection.user_id != caller.user_id:
            if not caller.is_admin:
                raise NotFound("There is no history of this user.")
            self._trail.write(origin, "predictions.read", str(selection.user_id))
        row = self._reader.count(selection)
        p50, p95, p99 = row["percentiles_ms"] or (None, None, None)
        return {
            **{name: row[name] for name in COUNTS},
            "confidence": {
                "mean": row["mean_confidence"],
                "histogram": confidence_histogram(row["confidence_counts"])},
            "latency_ms": {
                "p50": p50, "p95": p95, "p99": p99,
                "histogram": latency_histogram(row["latency_counts"])},
        }
