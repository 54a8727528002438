"""The contracts of VersionRepository and ClaimRepository."""
from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from common.audit import Origin
from model_admin.registry.repository import NewVersion, VersionRepository
from model_admin.validation.repository import Claim, ClaimRepository
from tests.archives import manifest
from tests.fakes.registry import FOUND, LISTED

ADMIN = uuid.uuid4()
REPORT = {"twin": {"accepted": True, "max_abs_difference": 7.9e-07}, "ops": ["MatMul"],
          "note": "naïve 100 % :x 寸法"}


def new_version(version: str = "v1", **changes: Any) -> NewVersion:
    """A version about to be registered."""
    digest = changes.pop("digest", "a" * 64)
    return NewVersion(**{
        "version": version, "model_path": f"{version}/{digest}", "name": "tiny",
        "digest": digest, "size_bytes": 1 << 33,
        "manifest": manifest({}, version=version, description="Größe\n寸法 📷 :x %s {}"),
        "labels": ["naïve 100%", "寸法 'x' {}"],
        "origin": Origin(ADMIN, "request-1", "192.0.2.7"), **changes})


class VersionRepositoryContract:
    """Subclasses give the fixture `versions`, an empty repository."""

    def test_registered(self, versions: VersionRepository) -> None:
        """A new version is found with all it was registered with, unproven and inactive."""
        version = new_version()
        assert versions.insert(version) is True
        row = versions.find("v1")
        assert row is not None and tuple(row) == FOUND
        created_at = row.pop("created_at")
        assert created_at.tzinfo is not None and abs(created_at.timestamp() - time.time()) < 60
        assert row == {
            "version": "v1", "name": "tiny", "state": "validating", "is_active": False,
            "canary_percent": 0, "shadow": False, "digest": "a" * 64,
            "twin_digest": None, "size_bytes": 1 << 33,
            "manifest": version.manifest, "report": None, "registered_by": ADMIN,
            "validated_at": None, "activated_at": None}

    def test_registered_twice(self, versions: VersionRepository) -> None:
        """A version that exists is not touched by another registration."""
        versions.insert(new_version())
        before = versions.find("v1")
        assert versions.insert(new_version(digest="b" * 64, name="other")) is False
        assert versions.find("v1") == before

    @pytest.mark.parametrize("version", ["v2", "", "V1", "v1 ", "%", "'", "v1\\"])
    def test_unknown(self, versions: VersionRepository, version: str) -> None:
        """Another name is another version."""
        versions.insert(new_version())
        assert versions.find(version) is None

    def test_list(self, versions: VersionRepository) -> None:
        """Every version is listed, the newest first, without what is long."""
        assert versions.list() == []
        for name in ("b", "a", "c"):
            versions.insert(new_version(name))
        rows = versions.list()
        assert [row["version"] for row in rows] == ["c", "a", "b"]
        assert {tuple(row) for row in rows} == {LISTED}


class ClaimRepositoryContract:
    """Subclasses give the fixtures `claims` and `versions`, on the same empty data."""

    @pytest.fixture
    def claim(self, claims: ClaimRepository, versions: VersionRepository) -> Claim:
        """A claim on v1, held for a minute."""
        versions.insert(new_version())
        claim = claims.claim(60)
        assert claim is not None
        return claim

    def test_nothing_to_do(self, claims: ClaimRepository) -> None:
        """Without versions there is nothing to claim."""
        assert claims.claim(60) is None

    def test_claim(self, claim: Claim) -> None:
        """A claim tells what is to be proven, and that it is the first try."""
        assert claim == Claim("v1", "v1/" + "a" * 64, "a" * 64, 1)

    def test_held(self, claims: ClaimRepository, claim: Claim) -> None:
        """What somebody proves is nobody else's."""
        assert claims.claim(60) is None

    def test_renewed(self, claims: ClaimRepository, versions: VersionRepository) -> None:
        """Who renews a claim in time keeps it; who has lost it renews nothing."""
        versions.insert(new_version())
        slow = claims.claim(0)
        assert slow is not None
        claims.renew(slow, 60)
        assert claims.claim(60) is None
        claims.renew(slow, 0)
        quick = claims.claim(0)
        assert quick is not None
        claims.renew(slow, 60)
        assert claims.claim(60) is not None

    def test_oldest_first(self, claims: ClaimRepository, versions: VersionRepository) -> None:
        """Versions are proven in the order of their registration."""
        for name in ("b", "a", "c"):
            versions.insert(new_version(name))
        taken = [claims.claim(60) for _ in range(4)]
        assert [one and one.version for one in taken] == ["b", "a", "c", None]

    def test_abandoned(self, claims: ClaimRepository, versions: VersionRepository) -> None:
        """A claim that ran out is taken up by whoever comes next, and counted."""
        versions.insert(new_version())
        attempts = []
        for _ in range(3):
            claim = claims.claim(0)
            assert claim is not None
            attempts.append(claim.attempts)
            time.sleep(0.002)  # the claim runs out in the next instant of the clock
        assert attempts == [1, 2, 3]

    def test_released(self, claims: ClaimRepository, claim: Claim) -> None:
        """A released version can be claimed again; the attempt was one."""
        claims.release(claim, 0, counts=True)
        time.sleep(0.002)
        again = claims.claim(60)
        assert again is not None and again.attempts == 2

    def test_released_without_an_attempt(self, claims: ClaimRepository, claim: Claim) -> None:
        """An attempt that was none is not counted."""
        claims.release(claim, 0, counts=False)
        time.sleep(0.002)
        again = claims.claim(60)
        assert again is not None and again.attempts == 1

    def test_released_for_later(self, claims: ClaimRepository, claim: Claim) -> None:
        """A released version rests for a while."""
        claims.release(claim, 60, counts=True)
        assert claims.claim(60) is None

    @pytest.mark.parametrize(("state", "twin_digest"), [
        ("ready", "b" * 64), ("ready", None), ("rejected", None)])
    def test_concluded(
        self, claims: ClaimRepository, versions: VersionRepository, claim: Claim, state: str,
        twin_digest: str | None,
    ) -> None:
        """What came out is recorded; the version waits no more."""
        claims.conclude(claim, state, REPORT, twin_digest)
        row = versions.find("v1")
        assert row is not None
        assert (row["state"], row["twin_digest"], row["report"]) == (state, twin_digest, REPORT)
        assert row["validated_at"] is not None and row["is_active"] is False
        time.sleep(0.002)
        assert claims.claim(60) is None

    def test_taken_over(self, claims: ClaimRepository, versions: VersionRepository) -> None:
        """Who took too long has no say any more, the one who took over has."""
        versions.insert(new_version())
        slow = claims.claim(0)
        time.sleep(0.002)
        quick = claims.claim(60)
        assert slow is not None and quick is not None
        claims.conclude(slow, "rejected", {"reason": "slow"}, None)
        claims.release(slow, 0, counts=True)
        time.sleep(0.002)
        assert claims.claim(60) is None
        claims.conclude(quick, "ready", REPORT, "b" * 64)
        row = versions.find("v1")
        assert row is not None and (row["state"], row["report"]) == ("ready", REPORT)

    def test_concluded_once(
        self, claims: ClaimRepository, versions: VersionRepository, claim: Claim,
    ) -> None:
        """A verdict stands."""
        claims.conclude(claim, "ready", REPORT, None)
        before = versions.find("v1")
        claims.conclude(claim, "rejected", {"reason": "changed my mind"}, None)
        claims.release(claim, 0, counts=True)
        assert versions.find("v1") == before
