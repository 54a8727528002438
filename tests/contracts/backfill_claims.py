"""The contract of BackfillClaims for who works on a backfill, and what its worker says of it."""
from __future__ import annotations

import pytest

from model_admin.backfill.claims import BackfillClaims
from model_admin.backfill.orders import Filter
from model_admin.backfill.repository import BackfillRepository
from tests.contracts.backfills import (
    LEASE_SECONDS, ORIGIN, Archive, begun, claimed, found, ids, record, started, walk)


class BackfillClaimsContract:
    """Subclasses give the fixtures of BackfillsContract."""

    def test_attempts(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """Attempts count until something is recorded; after one, pictures come one by one."""
        pictures = sorted(archive.add() for _ in range(3))
        started(backfills)
        claim = claimed(claims)
        first, excused = begun(claims, claim), begun(claims, claim, excused=True)
        assert (first.attempts, ids(first)) == (1, pictures)
        assert excused == first
        second, third = begun(claims, claim), begun(claims, claim)
        assert (second.attempts, ids(second), third.attempts) == (2, pictures[:1], 3)
        assert record(claims, claim, third)
        after = begun(claims, claim)
        assert (after.attempts, ids(after)) == (1, pictures[1:])

    @pytest.mark.parametrize(("excused", "attempts"), [(False, 2), (True, 1)])
    def test_attempts_of_others(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive,
        excused: bool, attempts: int,
    ) -> None:
        """The next worker hears of an abandoned attempt, and not of an excused one."""
        archive.add()
        started(backfills)
        claim = claimed(claims)
        begun(claims, claim)
        claims.release(claim, excused)
        assert begun(claims, claimed(claims)).attempts == attempts

    def test_claimed_by_one(
        self, backfills: BackfillRepository, claims: BackfillClaims
    ) -> None:
        """While a lease runs nobody else gets the backfill."""
        row = started(backfills)
        claim = claimed(claims)
        assert (claim.backfill_id, claim.model_version, claim.filter) == (
            row["backfill_id"], "v2", Filter())
        assert (claim.pictures_per_second, claim.created_at) == (20.0, row["created_at"])
        assert claims.claim(LEASE_SECONDS) is None

    def test_taken_over(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """Once the lease has run out another worker may go on, and the first can do nothing."""
        pictures = sorted(archive.add() for _ in range(2))
        row = started(backfills)
        stale = claimed(claims, lease_seconds=0)
        fresh = claimed(claims)
        assert fresh.lease_token != stale.lease_token
        assert claims.begin(stale, 8, LEASE_SECONDS, False) is None
        batch = begun(claims, fresh)
        assert not record(claims, stale, batch)
        claims.explain(stale, "nothing")
        claims.release(stale, False)
        claims.finish(stale)
        claims.fail(stale, "nothing")
        untouched = found(backfills, row)
        assert (untouched["state"], untouched["problem"]) == ("running", None)
        assert archive.predictions(row["backfill_id"]) == []
        assert claims.claim(LEASE_SECONDS) is None
        assert walk(claims, fresh, 8) == pictures

    def test_recording_extends_the_lease(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """A worker that goes on keeps its backfill, also beyond the first lease."""
        archive.add()
        started(backfills)
        claim = claimed(claims, lease_seconds=0)
        batch = begun(claims, claim)
        assert claims.claim(LEASE_SECONDS) is None
        assert record(claims, claim, batch)
        assert claims.claim(LEASE_SECONDS) is None

    def test_in_turn(self, backfills: BackfillRepository, claims: BackfillClaims) -> None:
        """Backfills that are given back are claimed one after the other, a new one first."""
        rows = [started(backfills), started(backfills)]
        seen = []
        for _ in range(4):
            claim = claimed(claims)
            seen.append(claim.backfill_id)
            claims.release(claim, True)
        assert seen == [row["backfill_id"] for row in rows] * 2
        newest = started(backfills)
        assert claimed(claims).backfill_id == newest["backfill_id"]

    def test_problem(
        self, backfills: BackfillRepository, claims: BackfillClaims, archive: Archive
    ) -> None:
        """What a backfill waits for is told until it goes on."""
        archive.add()
        row = started(backfills)
        claim = claimed(claims)
        batch = begun(claims, claim)
        claims.explain(claim, "The object store does not answer.")
        waiting = found(backfills, row)
        assert (waiting["state"], waiting["problem"]) == (
            "running", "The object store does not answer.")
        assert record(claims, claim, batch)
        assert found(backfills, row)["problem"] is None

    def test_fail(self, backfills: BackfillRepository, claims: BackfillClaims) -> None:
        """A backfill that cannot go on says why and is nobody's any more."""
        row = started(backfills)
        claims.fail(claimed(claims), "Model version v2 is not ready.")
        failed = found(backfills, row)
        assert (failed["state"], failed["problem"]) == (
            "failed", "Model version v2 is not ready.")
        assert failed["finished_at"] is not None
        assert claims.claim(LEASE_SECONDS) is None
        assert not backfills.cancel(row["backfill_id"], ORIGIN)
