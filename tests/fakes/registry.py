"""Model versions and the claims on them, in memory."""
from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

from common.errors import DatabaseUnavailable
from model_admin.registry.repository import NewVersion, Row
from model_admin.validation.repository import Claim

FOUND = ("version", "name", "state", "is_active", "canary_percent", "shadow", "digest",
         "twin_digest", "size_bytes", "manifest", "report", "registered_by", "created_at",
         "validated_at", "activated_at")
LISTED = tuple(name for name in FOUND if name not in ("manifest", "report"))


class InMemoryVersionRepository:
    """VersionRepository in a dictionary; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.down = False
        self.lock = threading.Lock()

    def insert(self, version: NewVersion) -> bool:
        self.reach()
        with self.lock:
            if version.version in self.rows:
                return False
            self.rows[version.version] = {
                **asdict(version), "registered_by": version.origin.actor,
                "state": "validating", "is_active": False,
                "canary_percent": 0, "shadow": False, "twin_digest": None, "report": None,
                "validated_at": None, "activated_at": None, "created_at": now(),
                "lease_until": None, "attempts": 0}
            return True

    def find(self, version: str) -> Row | None:
        self.reach()
        row = self.rows.get(version)
        return row and {name: row[name] for name in FOUND}

    def list(self) -> list[Row]:
        self.reach()
        rows = sorted(self.rows.values(), key=lambda row: row["created_at"], reverse=True)
        return [{name: row[name] for name in LISTED} for row in rows]

    def reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


class InMemoryClaimRepository:
    """ClaimRepository on the versions of another repository."""

    def __init__(self, versions: InMemoryVersionRepository) -> None:
        self.versions = versions

    def claim(self, lease_seconds: float) -> Claim | None:
        self.versions.reach()
        with self.versions.lock:
            free = [row for row in self.versions.rows.values() if row["state"] == "validating"
                    and (row["lease_until"] is None or row["lease_until"] < now())]
            if not free:
                return None
            row = min(free, key=lambda row: row["created_at"])
            row["lease_until"] = now() + timedelta(seconds=lease_seconds)
            row["attempts"] += 1
            return Claim(row["version"], row["model_path"], row["digest"], row["attempts"])

    def renew(self, claim: Claim, lease_seconds: float) -> None:
        self.versions.reach()
        if row := self._held(claim):
            row["lease_until"] = now() + timedelta(seconds=lease_seconds)

    def release(self, claim: Claim, delay_seconds: float, counts: bool) -> None:
        self.versions.reach()
        if row := self._held(claim):
            row["lease_until"] = now() + timedelta(seconds=delay_seconds)
            row["attempts"] -= not counts

    def conclude(
        self, claim: Claim, state: str, report: dict[str, Any], twin_digest: str | None
    ) -> None:
        self.versions.reach()
        if row := self._held(claim):
            row.update(state=state, report=report, twin_digest=twin_digest, validated_at=now(),
                       lease_until=None)

    def _held(self, claim: Claim) -> Row | None:
        row = self.versions.rows[claim.version]
        holds = row["state"] == "validating" and row["attempts"] == claim.attempts
        return row if holds else None


def now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(timezone.utc)
