"""Recorded answers of two versions, compared by PostgreSQL."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from psycopg2.errors import QueryCanceled

from common.db import LONG_STATEMENT_TIMEOUT, Database, load_queries
from common.errors import InvalidValue

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """Which answers of two versions to compare: `version` is the old one, `other` the new one.

    `basis` is shadow, canary, backfill or all. `since` is included and `until` is not.
    """

    version: str
    other: str
    basis: str
    since: datetime | None = None
    until: datetime | None = None
    most_changes: int = 50


class ComparisonReader(Protocol):
    """Compares the answers of versions. Every method raises DatabaseUnavailable."""

    def registered(self, versions: Sequence[str]) -> set[str]:
        """Those of `versions` that exist, deleted ones among them."""

    def compare(
        self, question: Question, confidence_bins: int, latency_bounds: Sequence[int]
    ) -> Row:
        """`pictures`, `agreed`, `class_changes` and, by version, `distributions`.

        Confidences are counted in as many bins of equal width in 0..1; latencies between the
        `latency_bounds`, in milliseconds, below the first and from the last on. Raises
        InvalidValue if there are too many answers to compare in time.
        """


class PostgresComparisonReader:
    """ComparisonReader on PostgreSQL."""

    def __init__(self, database: Database, timeout: str = LONG_STATEMENT_TIMEOUT) -> None:
        self._database = database
        self._timeout = timeout

    def registered(self, versions: Sequence[str]) -> set[str]:
        with self._database.transaction() as connection:
            rows = _queries.registered_versions(connection, versions=list(versions))
            return {row["version"] for row in rows}

    def compare(
        self, question: Question, confidence_bins: int, latency_bounds: Sequence[int]
    ) -> Row:
        with self._database.transaction(self._timeout) as connection:
            try:
                row: Row = _queries.compare_versions(
                    connection, **asdict(question), confidence_bins=confidence_bins,
                    latency_bounds=list(latency_bounds))
            except QueryCanceled as error:
                raise InvalidValue(
                    "These are too many answers to compare at once: narrow them down with "
                    "from and to.") from error
        return row
