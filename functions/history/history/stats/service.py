"""A user's predictions in numbers."""
from __future__ import annotations

from typing import Any

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.histograms import distributions
from history.access import open_history
from history.stats.repository import Selection, StatsReader

COUNTS = ("from", "to", "total", "classes", "by_day", "by_class")


class PredictionStats:
    """Counts what a caller may see; who counts another user's leaves a line."""

    def __init__(self, reader: StatsReader, trail: AuditTrail) -> None:
        self._reader = reader
        self._trail = trail

    def count(self, caller: Principal, selection: Selection, origin: Origin) -> dict[str, Any]:
        """The numbers, as JSON values. Raises NotFound for somebody else's."""
        open_history(caller, selection.user_id, self._trail, origin)
        row = self._reader.count(selection)
        return {
            **{name: row[name] for name in COUNTS},
            **distributions(
                row["mean_confidence"], row["confidence_counts"],
                row["percentiles_ms"] or (None, None, None), row["latency_counts"]),
        }
