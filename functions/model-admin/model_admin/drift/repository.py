"""Drift, measured by PostgreSQL."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from psycopg2.errors import QueryCanceled

from common.db import LONG_STATEMENT_TIMEOUT, Database, load_queries
from common.errors import InvalidValue

_queries = load_queries(Path(__file__).with_name("queries.sql"))

# Of confidence and brightness in equal steps, and of classes: nine and all others.
BINS = 10
# With fewer on either side chance alone looks like drift: (BINS - 1) * 2 / 200 is 0.09 on average.
LEAST_ANSWERS = 200


@dataclass(frozen=True)
class Span:
    """A window, from `since` to before `until`, and a baseline from `baseline_since` up to it."""

    baseline_since: datetime
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Drift:
    """How far a version's `recent` answers are from its `earlier` ones, by one feature.

    `psi` is None if either are fewer than LEAST_ANSWERS.
    """

    model_version: str
    feature: str
    recent: int
    earlier: int
    psi: float | None


class DriftReader(Protocol):
    """Measures drift. Every method raises DatabaseUnavailable."""

    def is_registered(self, model_version: str) -> bool:
        """Whether there is, or was, such a version."""

    def measure(self, span: Span, model_version: str | None = None) -> list[Drift]:
        """By version and feature; of a version without answers there is nothing.

        Raises InvalidValue if there are too many answers to measure in time.
        """


class PostgresDriftReader:
    """DriftReader on PostgreSQL."""

    def __init__(self, database: Database, timeout: str = LONG_STATEMENT_TIMEOUT) -> None:
        self._database = database
        self._timeout = timeout

    def is_registered(self, model_version: str) -> bool:
        with self._database.transaction() as connection:
            found: bool = _queries.is_registered(connection, model_version=model_version)
        return found

    def measure(self, span: Span, model_version: str | None = None) -> list[Drift]:
        with self._database.transaction(self._timeout) as connection:
            try:
                return [Drift(**row) for row in _queries.measure_drift(
                    connection, **asdict(span), model_version=model_version, bins=BINS,
                    least_answers=LEAST_ANSWERS)]
            except QueryCanceled as error:
                raise InvalidValue(
                    "These are too many answers to measure at once: choose a shorter window and "
                    "baseline, or one model_version.") from error
