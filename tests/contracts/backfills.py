"""The contracts of BackfillRepository and BackfillClaims."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import pytest

from common.audit import Origin
from common.inference.model import Lineage
from model_admin.backfill.claims import (
    MAX_FAILURES, BackfillClaims, Batch, Claim, Classified, Failed)
from model_admin.backfill.orders import Filter, Order
from model_admin.backfill.repository import BackfillRepository, Row

NOON = datetime(2020, 1, 31, 12, tzinfo=timezone.utc)
SECOND, FAR_FUTURE = timedelta(seconds=1), datetime(2999, 1, 1, tzinfo=timezone.utc)
ADMIN, ADA, BOB = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
ORIGIN = Origin(ADMIN, "request-1", "192.0.2.1")
LEASE_SECONDS = 60.0
LINEAGE: Lineage = {
    "model_version": "v2", "engine": "litert", "model_digest": "1" * 64, "twin_digest": "2" * 64,
    "preprocessing_digest": "3" * 64}
FIELDS = (
    "backfill_id", "model_version", "filter", "pictures_per_second", "state", "problem", "total",
    "classified", "failed", "created_by", "created_at", "finished_at")


class Archive(Protocol):
    """The stored pictures and predictions; v1 and v2 are ready, v3 is still validating."""

    def add(self, **changes: Any) -> uuid.UUID:
        """Store a picture with an old prediction; `changes` are those of the prediction."""

    def add_prediction(self, image_id: uuid.UUID, **changes: Any) -> None:
        """Store another prediction of a picture."""

    def remove(self, image_id: uuid.UUID) -> None:
        """Delete a picture with its predictions."""

    def predictions(self, backfill_id: uuid.UUID) -> list[uuid.UUID]:
        """The pictures of a backfill's predictions, in order."""

    def audit(self) -> list[tuple[str, str]]:
        """Action and subject of each line of the audit log, oldest first."""


def order(**chosen: Any) -> Order:
    """An order for v2; `chosen` narrows it."""
    return Order("v2", Filter(**chosen), 20.0)


def started(backfills: BackfillRepository, **chosen: Any) -> Row:
    """A backfill's row, just started."""
    row = backfills.start(order(**chosen), ORIGIN)
    assert row is not None
    return row


def found(backfills: BackfillRepository, row: Row) -> Row:
    """A backfill as it stands now."""
    now = backfills.find(row["backfill_id"])
    assert now is not None
    return now


def claimed(claims: BackfillClaims, lease_seconds: float = LEASE_SECONDS) -> Claim:
    """A claim; there must be a backfill that nobody works on."""
    claim = claims.claim(lease_seconds)
    assert claim is not None
    return claim


def begun(claims: BackfillClaims, claim: Claim, size: int = 8, excused: bool = False) -> Batch:
    """The next pictures of a claim that holds."""
    batch = claims.begin(claim, size, LEASE_SECONDS, excused)
    assert batch is not None
    return batch


def ids(batch: Batch) -> list[uuid.UUID]:
    return [picture.image_id for picture in batch.pictures]


def classified(image_id: uuid.UUID) -> Classified:
    """What a model might say of a picture."""
    return Classified(
        image_id, "tabby", 0.5, 7, [{"class": "tabby", "index": 1, "confidence": 0.5}], LINEAGE,
        0.25)


def record(
    claims: BackfillClaims, claim: Claim, batch: Batch, failing: bool = False
) -> bool:
    """Record an outcome for every picture of a batch."""
    assert batch.reached is not None
    outcomes = [Failed(each, "It is broken.") if failing else classified(each)
                for each in ids(batch)]
    return claims.record(claim, outcomes, batch.reached, LEASE_SECONDS)


def walk(claims: BackfillClaims, claim: Claim, size: int) -> list[uuid.UUID]:
    """Classify all pictures that are left, and finish."""
    walked: list[uuid.UUID] = []
    while (batch := begun(claims, claim, size)).reached is not None:
        walked += ids(batch)
        assert record(claims, claim, batch)
    claims.finish(claim)
    return walked


class BackfillsContract:
    """Subclasses give the fixtures `backfills`, `claims` and `archive`, of one database."""

    def test_start(self, backfills: BackfillRepository, archive: Archive) -> None:
        """A started backfill has counted its pictures, and is listed and found as answered."""
        archive.add()
        row = started(backfills, since=NOON, until=FAR_FUTURE, user_id=ADA, min_confidence=0.25)
        assert tuple(row) == FIELDS
        assert row["filter"] == {
            "from": "2020-01-31T12:00:00Z", "to": "2999-01-01T00:00:00Z",
            "min_confidence": 0.25, "user_id": str(ADA)}
        assert (row["model_version"], row["pictures_per_second"], row["created_by"]) == (
            "v2", 20.0, ADMIN)
        assert (row["state"], row["total"], row["classified"], row["failed"]) == (
            "running", 1, 0, 0)
        assert row["problem"] is None and row["finished_at"] is None
        assert backfills.list() == [row]
        assert found(backfills, row) == {**row, "failures": []}
        assert archive.audit() == [("backfill.start", str(row["backfill_id"]))]

    @pytest.mark.parametrize(("version", "state"), [("v3", "validating"), ("v9", None)])
    def test_start_needs_a_ready_model(
        self, backfills: BackfillRepository, archive: Archive, version: str, state: str | None
    ) -> None:
        """A version that is unproven or unknown starts nothing and leaves no trace."""
        assert backfills.start(Order(version, Filter(), 20.0), ORIGIN) is None
        assert backfills.model_state(version) == state
        assert backfills.list() == [] and archive.audit() == []

    def test_find_unknown(self, backfills: BackfillRepository) -> None:
        """There is nothing to find or cancel under a made-up id."""
        assert backfills.find(uuid.uuid4()) is None
        assert not backfills.cancel(uuid.uuid4(), ORIGIN)

    def test_list_newest_first(self, backfills: BackfillRepository) -> None:
        """The newest backfill comes first."""
        rows = [started(backfills) for _ in range(3)]
        assert backfills.list() == rows[::-1]

    @pytest.mark.parametrize(("chosen", "names"), [
        ({}, "abc"),
        ({"predicted_class": "tabby"}, "b"),
        ({"predicted_class": "tab%"}, ""),
        ({"predicted_class": "' OR true --"}, ""),
        ({"min_confidence": 0.5}, "ab"),
        ({"max_confidence": 0.5}, "ac"),
        ({"min_confidence": 0.5, "max_confidence": 0.5}, "a"),
        ({"model_version": "v2"}, "c"),
        ({"user_id": BOB}, "c"),
        ({"since": NOON + SECOND}, "bc"),
        ({"until": NOON + SECOND}, "a"),
        ({"since": NOON + SECOND, "until": NOON + 2 * SECOND}, "b"),
        ({"predicted_class": "tabby", "model_version": "v2"}, ""),
        ({"min_confidence": 0.0, "max_confidence": 0.3, "user_id": BOB}, "c"),
    ])
    def test_filters(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive,
        chosen: dict[str, Any], names: str,
    ) -> None:
        """Every filter, and several together, select the pictures that are counted and given."""
        pictures = {
            "a": archive.add(confidence_score=0.5),
            "b": archive.add(created_at=NOON + SECOND, predicted_class="tabby",
                             confidence_score=0.75),
            "c": archive.add(created_at=NOON + 2 * SECOND, confidence_score=0.25,
                             model_version="v2", user_id=BOB)}
        wanted = sorted(pictures[name] for name in names)
        assert started(backfills, **chosen)["total"] == len(wanted)
        assert ids(begun(claims, claimed(claims))) == wanted

    def test_conditions_meet_in_one_prediction(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """A picture is not chosen for two predictions that each meet half of the filter."""
        picture = archive.add(predicted_class="tabby", confidence_score=0.25)
        archive.add_prediction(picture, predicted_class="espresso", confidence_score=0.75)
        assert started(backfills, predicted_class="tabby", min_confidence=0.5)["total"] == 0
        assert begun(claims, claimed(claims)).pictures == []

    @pytest.mark.parametrize("size", [1, 2, 3, 8])
    def test_walk(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive, size: int
    ) -> None:
        """Every picture comes once, in the order of the ids, however many predictions it has."""
        pictures = sorted(archive.add() for _ in range(6))
        for picture in pictures[:3]:
            archive.add_prediction(picture)
        row = started(backfills)
        assert row["total"] == 6
        assert walk(claims, claimed(claims), size) == pictures
        assert archive.predictions(row["backfill_id"]) == pictures
        done = found(backfills, row)
        assert (done["state"], done["total"], done["classified"], done["failed"]) == (
            "done", 6, 6, 0)
        assert done["finished_at"] is not None
        assert claims.claim(LEASE_SECONDS) is None

    def test_pictures_of_later(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """What is predicted after the start belongs to no running backfill."""
        archive.add(created_at=FAR_FUTURE)
        assert started(backfills)["total"] == 0
        assert begun(claims, claimed(claims)).reached is None

    def test_its_own_predictions_change_no_choice(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """A new answer that the filter would select is not classified once more."""
        picture = archive.add(model_version="v2")
        row = started(backfills, model_version="v2")
        assert walk(claims, claimed(claims), 8) == [picture]
        assert archive.predictions(row["backfill_id"]) == [picture]

    def test_backfilled_twice(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """Another backfill of the same pictures gives predictions of its own."""
        picture = archive.add()
        for _ in range(2):
            row = started(backfills)
            walk(claims, claimed(claims), 8)
            assert archive.predictions(row["backfill_id"]) == [picture]

    def test_cancel(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """A cancelled backfill keeps what it has and gets nothing more, not even a batch begun."""
        pictures = sorted(archive.add() for _ in range(3))
        row = started(backfills)
        claim = claimed(claims)
        assert record(claims, claim, begun(claims, claim, size=1))
        batch = begun(claims, claim)
        assert backfills.cancel(row["backfill_id"], ORIGIN)
        assert not record(claims, claim, batch)
        assert claims.begin(claim, 8, LEASE_SECONDS, False) is None
        claims.release(claim, False)
        assert claims.claim(LEASE_SECONDS) is None
        ended = found(backfills, row)
        assert (ended["state"], ended["classified"], ended["total"]) == ("cancelled", 1, 3)
        assert ended["finished_at"] is not None
        assert archive.predictions(row["backfill_id"]) == pictures[:1]
        assert not backfills.cancel(row["backfill_id"], ORIGIN)
        assert archive.audit() == [
            ("backfill.start", str(row["backfill_id"])),
            ("backfill.cancel", str(row["backfill_id"]))]

    def test_failed_pictures(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """Failed pictures are all counted, and the first of them told with their reason."""
        pictures = sorted(archive.add() for _ in range(MAX_FAILURES + 3))
        row = started(backfills)
        claim = claimed(claims)
        while (batch := begun(claims, claim, size=50)).reached is not None:
            assert record(claims, claim, batch, failing=True)
        claims.finish(claim)
        done = found(backfills, row)
        assert (done["state"], done["classified"], done["failed"]) == ("done", 0, len(pictures))
        assert done["failures"] == [
            {"image_id": each, "reason": "It is broken."} for each in pictures[:MAX_FAILURES]]

    @pytest.mark.parametrize("failing", [False, True])
    def test_deleted_pictures(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive,
        failing: bool,
    ) -> None:
        """A picture deleted meanwhile, whatever came of it, counts no more in the end."""
        pictures = sorted(archive.add() for _ in range(3))
        row, claim = started(backfills), claimed(claims)
        batch = begun(claims, claim)
        archive.remove(pictures.pop(1))
        assert record(claims, claim, batch, failing) and walk(claims, claim, 8) == []
        done = found(backfills, row)
        assert (done["total"], done["failed"]) == (2, 2 * failing)
        assert archive.predictions(row["backfill_id"]) == ([] if failing else pictures)
        assert [each["image_id"] for each in done["failures"]] == (pictures if failing else [])
