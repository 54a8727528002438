"""Claims on running backfills and their progress, in PostgreSQL, as workers see them."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.db import Database, load_queries
from common.inference.model import Lineage
from model_admin.backfill.orders import Filter

_queries = load_queries(Path(__file__).with_name("queries.sql"))

# Pictures among which a statement searches for those that match: a bound on how long it takes.
WINDOW = 5000
MAX_FAILURES = 100


@dataclass(frozen=True)
class Claim:
    """A backfill that is this worker's until its lease runs out; the token tells claims apart."""

    backfill_id: uuid.UUID
    model_version: str
    filter: Filter
    pictures_per_second: float
    created_at: datetime
    lease_token: uuid.UUID


@dataclass(frozen=True)
class StoredPicture:
    """A picture to classify; `sha256` is the digest of its bytes, None if nobody noted it."""

    image_id: uuid.UUID
    object_key: str
    size_bytes: int
    sha256: bytes | None


@dataclass(frozen=True)
class Batch:
    """The next pictures in order, maybe none. `reached` is where the walk stands behind them,
    None at the end. `attempts` counts how often pictures here were begun with, this included."""

    pictures: list[StoredPicture]
    reached: uuid.UUID | None
    attempts: int


@dataclass(frozen=True)
class Classified:
    """What a model says of a picture; `prediction_time_ms` is decoding plus inference.

    `brightness` is the picture's, kept where nobody has noted it before.
    """

    image_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: list[dict[str, Any]]
    lineage: Lineage
    brightness: float


@dataclass(frozen=True)
class Failed:
    """Why a picture could not be classified."""

    image_id: uuid.UUID
    reason: str


class BackfillClaims(Protocol):
    """Hands out backfills to work on. Every method raises DatabaseUnavailable.

    Those that take a claim do nothing, and say so, once another has taken the backfill over or
    it is no longer running.
    """

    def claim(self, lease_seconds: float) -> Claim | None:
        """A running backfill nobody works on, the one longest without work first."""

    def begin(
        self, claim: Claim, size: int, lease_seconds: float, excused: bool
    ) -> Batch | None:
        """The next pictures, `size` at most, but one by one where an attempt was abandoned.

        This counts as an attempt unless the last one is `excused`. Extends the lease.
        """

    def record(
        self, claim: Claim, outcomes: Sequence[Classified | Failed], reached: uuid.UUID,
        lease_seconds: float,
    ) -> bool:
        """Store the predictions and go on behind `reached`, both or neither. Extends the lease.

        A picture that was deleted meanwhile is passed over.
        """

    def explain(self, claim: Claim, problem: str) -> None:
        """Say what the backfill waits for."""

    def release(self, claim: Claim, excused: bool) -> None:
        """Let anyone claim the backfill; attempts count on unless the last one is `excused`."""

    def finish(self, claim: Claim) -> None:
        """Nothing is left to do; pictures deleted meanwhile no longer count in the total."""

    def fail(self, claim: Claim, problem: str) -> None:
        """The backfill cannot go on."""


class PostgresBackfillClaims:
    """BackfillClaims on PostgreSQL; one statement looks at `window` pictures, not at all."""

    def __init__(self, database: Database, window: int = WINDOW) -> None:
        self._database = database
        self._window = window

    def claim(self, lease_seconds: float) -> Claim | None:
        with self._database.transaction() as connection:
            row = _queries.claim_backfill(connection, lease_seconds=lease_seconds)
        return Claim(**{**row, "filter": Filter.from_json(row["filter"])}) if row else None

    def begin(
        self, claim: Claim, size: int, lease_seconds: float, excused: bool
    ) -> Batch | None:
        with self._database.transaction() as connection:
            row = _queries.begin_batch(
                connection, **_key(claim), lease_seconds=lease_seconds, excused=excused)
            if row is None:
                return None
            attempts, after = row["attempts"], row["after_image"]
            last = _queries.end_of_window(connection, after_image=after, window=self._window)
            size = size if attempts <= 1 else 1
            pictures = [
                StoredPicture(**{**each, "sha256": each["sha256"] and bytes(each["sha256"])})
                for each in _queries.next_pictures(
                    connection, after_image=after, last_image=last, size=size,
                    started_at=claim.created_at, **asdict(claim.filter))]
        # A full batch may leave pictures in the window, others leave none.
        cut = len(pictures) == size or last is None
        reached = pictures[-1].image_id if pictures and cut else last
        return Batch(pictures, reached, attempts)

    def record(
        self, claim: Claim, outcomes: Sequence[Classified | Failed], reached: uuid.UUID,
        lease_seconds: float,
    ) -> bool:
        with self._database.transaction() as connection:
            held = _queries.hold_backfill(connection, **_key(claim))
            if held is None:
                return False
            classified, failed = 0, 0
            for outcome in outcomes:
                if isinstance(outcome, Classified):
                    classified += _queries.insert_prediction(
                        connection, **_row(claim.backfill_id, outcome))
                    _queries.note_brightness(
                        connection, image_id=outcome.image_id, brightness=outcome.brightness)
                    continue
                if _queries.hold_picture(connection, image_id=outcome.image_id) is None:
                    continue
                failed += 1
                if held["failed"] + failed <= MAX_FAILURES:
                    _queries.insert_failure(
                        connection, backfill_id=claim.backfill_id, **asdict(outcome))
            _queries.advance_backfill(
                connection, backfill_id=claim.backfill_id, classified=classified, failed=failed,
                after_image=reached, lease_seconds=lease_seconds)
        return True

    def explain(self, claim: Claim, problem: str) -> None:
        with self._database.transaction() as connection:
            _queries.explain_backfill(connection, **_key(claim), problem=problem)

    def release(self, claim: Claim, excused: bool) -> None:
        with self._database.transaction() as connection:
            _queries.release_backfill(connection, **_key(claim), excused=excused)

    def finish(self, claim: Claim) -> None:
        with self._database.transaction() as connection:
            _queries.finish_backfill(connection, **_key(claim))

    def fail(self, claim: Claim, problem: str) -> None:
        with self._database.transaction() as connection:
            _queries.fail_backfill(connection, **_key(claim), problem=problem)


def _key(claim: Claim) -> dict[str, uuid.UUID]:
    return {"backfill_id": claim.backfill_id, "lease_token": claim.lease_token}


def _row(backfill_id: uuid.UUID, outcome: Classified) -> dict[str, Any]:
    return {
        "backfill_id": backfill_id,
        "image_id": outcome.image_id,
        "predicted_class": outcome.predicted_class,
        "confidence_score": outcome.confidence_score,
        "prediction_time_ms": outcome.prediction_time_ms,
        "top_k": Json(outcome.top_k),
        "request_id": f"backfill-{backfill_id}",
        **outcome.lineage,
    }
