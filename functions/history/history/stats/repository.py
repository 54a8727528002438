"""Recorded predictions, counted by PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries
from common.histograms import CONFIDENCE_BINS, LATENCY_BOUNDS_MS

_queries = load_queries(Path(__file__).with_name("queries.sql"))

MOST_CLASSES = 12

Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """Which predictions of a user to count: `since` is included and `until` is not.

    Without `until` it is those until now, without `since` those of the thirty days before.
    """

    user_id: uuid.UUID
    since: datetime | None = None
    until: datetime | None = None
    model_version: str | None = None


class StatsReader(Protocol):
    """Counts predictions. Every method raises DatabaseUnavailable."""

    def count(self, selection: Selection) -> Row:
        """`from`, `to`, `total`, `classes`, `by_day`, `by_class`, of which there are at most
        MOST_CLASSES, `mean_confidence`, `percentiles_ms` (50, 95, 99), `confidence_counts` and
        `latency_counts`; mean and percentiles are None without predictions."""


class PostgresStatsReader:
    """StatsReader on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, selection: Selection) -> Row:
        with self._database.transaction() as connection:
            row: Row = _queries.prediction_stats(
                connection, **asdict(selection), most_classes=MOST_CLASSES,
                confidence_bins=CONFIDENCE_BINS, latency_bounds=list(LATENCY_BOUNDS_MS))
        return row
