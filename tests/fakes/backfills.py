"""Backfills in memory, as administrators and as workers see them."""
from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from common.audit import Origin
from common.errors import Conflict, DatabaseUnavailable
from common.inference.model import Model
from model_admin.backfill.claims import (
    MAX_FAILURES, Batch, Claim, Classified, Failed, StoredPicture)
from model_admin.backfill.orders import Filter, Order
from model_admin.backfill.repository import Row

# The class below has a method of that name.
Ids = list[uuid.UUID]

START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@dataclass(frozen=True)
class OldPrediction:
    """What a filter looks at."""

    image_id: uuid.UUID
    created_at: datetime
    predicted_class: str
    confidence_score: float
    model_version: str
    user_id: uuid.UUID


@dataclass
class Progress:
    """What only workers know of a backfill; `lease_until` in seconds of `clock`."""

    after: uuid.UUID | None = None
    lease_token: uuid.UUID | None = None
    lease_until: float | None = None
    attempts: int = 0


class InMemoryBackfills:
    """BackfillRepository and BackfillClaims in dictionaries; `down` makes it unreachable.

    `states` are those of the known model versions, `clock` tells when leases run out.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.states = {"v1": "ready", "v2": "ready"}
        self.pictures: dict[uuid.UUID, StoredPicture] = {}
        self.old: list[OldPrediction] = []
        self.rows: dict[uuid.UUID, Row] = {}
        self.progress: dict[uuid.UUID, Progress] = {}
        self.classified: dict[tuple[uuid.UUID, uuid.UUID], Classified] = {}
        self.failures: dict[uuid.UUID, list[Failed]] = {}
        self.audit: list[tuple[str, str]] = []
        self.down = False

    def start(self, order: Order, origin: Origin) -> Row | None:
        self._reach()
        if self.states.get(order.model_version) != "ready":
            return None
        backfill_id, created_at = uuid.uuid4(), START + timedelta(seconds=len(self.rows))
        self.rows[backfill_id] = {
            "backfill_id": backfill_id, "model_version": order.model_version,
            "filter": order.filter.as_json(), "pictures_per_second": order.pictures_per_second,
            "state": "running", "problem": None,
            "total": len(self._matches(order.filter, created_at)), "classified": 0, "failed": 0,
            "created_by": origin.actor, "created_at": created_at, "finished_at": None}
        self.progress[backfill_id] = Progress()
        self.failures[backfill_id] = []
        self.audit.append(("backfill.start", str(backfill_id)))
        return dict(self.rows[backfill_id])

    def model_state(self, version: str) -> str | None:
        self._reach()
        return self.states.get(version)

    def find(self, backfill_id: uuid.UUID) -> Row | None:
        self._reach()
        if backfill_id not in self.rows:
            return None
        failures = sorted(self.failures[backfill_id], key=lambda each: each.image_id)
        return {**self.rows[backfill_id], "failures": [
            {"image_id": each.image_id, "reason": each.reason} for each in failures]}

    def list(self) -> list[Row]:
        self._reach()
        return [dict(row) for row in reversed(self.rows.values())]

    def cancel(self, backfill_id: uuid.UUID, origin: Origin) -> bool:
        self._reach()
        if backfill_id not in self.rows or self.rows[backfill_id]["state"] != "running":
            return False
        self._end(backfill_id, "cancelled", None)
        self.audit.append(("backfill.cancel", str(backfill_id)))
        return True

    def claim(self, lease_seconds: float) -> Claim | None:
        self._reach()
        waiting = [
            each for each, row in self.rows.items() if row["state"] == "running"
            and _ended(self.progress[each].lease_until, self.clock())]
        if not waiting:
            return None
        # None sorts first, as in NULLS FIRST.
        backfill_id = min(waiting, key=lambda each: (
            self.progress[each].lease_until is not None, self.progress[each].lease_until))
        row, progress = self.rows[backfill_id], self.progress[backfill_id]
        progress.lease_token, progress.lease_until = uuid.uuid4(), self.clock() + lease_seconds
        return Claim(
            backfill_id, row["model_version"], Filter.from_json(row["filter"]),
            row["pictures_per_second"], row["created_at"], progress.lease_token)

    def begin(
        self, claim: Claim, size: int, lease_seconds: float, excused: bool
    ) -> Batch | None:
        self._reach()
        if not self._holds(claim):
            return None
        progress = self.progress[claim.backfill_id]
        progress.lease_until = self.clock() + lease_seconds
        progress.attempts += not excused
        after = progress.after
        ids = [each for each in self._matches(claim.filter, claim.created_at)
               if after is None or each > after]
        pictures = [self.pictures[each] for each in ids[:size if progress.attempts <= 1 else 1]]
        return Batch(pictures, pictures[-1].image_id if pictures else None, progress.attempts)

    def record(
        self, claim: Claim, outcomes: Sequence[Classified | Failed], reached: uuid.UUID,
        lease_seconds: float,
    ) -> bool:
        self._reach()
        if not self._holds(claim):
            return False
        row, progress = self.rows[claim.backfill_id], self.progress[claim.backfill_id]
        for outcome in outcomes:
            key = claim.backfill_id, outcome.image_id
            if outcome.image_id not in self.pictures:
                continue
            if isinstance(outcome, Failed):
                row["failed"] += 1
                if row["failed"] <= MAX_FAILURES:
                    self.failures[claim.backfill_id].append(outcome)
            elif key not in self.classified:
                self.classified[key] = outcome
                row["classified"] += 1
        row["problem"] = None
        self.progress[claim.backfill_id] = replace(
            progress, after=reached, attempts=0, lease_until=self.clock() + lease_seconds)
        return True

    def explain(self, claim: Claim, problem: str) -> None:
        self._reach()
        if self._holds(claim):
            self.rows[claim.backfill_id]["problem"] = problem

    def release(self, claim: Claim, excused: bool) -> None:
        self._reach()
        if self._holds(claim):
            progress = self.progress[claim.backfill_id]
            self.progress[claim.backfill_id] = Progress(
                progress.after, None, self.clock(), 0 if excused else progress.attempts)

    def finish(self, claim: Claim) -> None:
        self._reach()
        if self._holds(claim):
            row = self.rows[claim.backfill_id]
            row["total"] = row["classified"] + row["failed"]
            self._end(claim.backfill_id, "done", None)

    def fail(self, claim: Claim, problem: str) -> None:
        self._reach()
        if self._holds(claim):
            self._end(claim.backfill_id, "failed", problem)

    def _end(self, backfill_id: uuid.UUID, state: str, problem: str | None) -> None:
        row = self.rows[backfill_id]
        row.update(state=state, problem=problem, finished_at=START)
        self.progress[backfill_id] = Progress(self.progress[backfill_id].after)

    def _holds(self, claim: Claim) -> bool:
        return (self.rows[claim.backfill_id]["state"] == "running"
                and self.progress[claim.backfill_id].lease_token == claim.lease_token)

    def _matches(self, chosen: Filter, before: datetime) -> Ids:
        return sorted({
            each.image_id for each in self.old
            if each.image_id in self.pictures and each.created_at < before
            and _selects(chosen, each)})

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


class FixedVersions:
    """Versions with one model, or what it raises."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.error: Exception | None = None

    def get(self, version: str) -> Model:
        if self.error is not None:
            raise self.error
        if version != self.model.version:
            raise Conflict(f"Model version {version} is not ready.")
        return self.model


def _ended(lease_until: float | None, now: float) -> bool:
    return lease_until is None or lease_until <= now


def _selects(chosen: Filter, old: OldPrediction) -> bool:
    wanted: dict[str, Any] = {
        "predicted_class": chosen.predicted_class, "model_version": chosen.model_version,
        "user_id": chosen.user_id}
    return (
        all(value in (None, getattr(old, name)) for name, value in wanted.items())
        and (chosen.since is None or old.created_at >= chosen.since)
        and (chosen.until is None or old.created_at < chosen.until)
        and (chosen.min_confidence is None or old.confidence_score >= chosen.min_confidence)
        and (chosen.max_confidence is None or old.confidence_score <= chosen.max_confidence)
    )
