"""Claims on versions that wait to be proven, in PostgreSQL."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Claim:
    """A version to prove; `attempts`, this one included, also tells claims apart."""

    version: str
    model_path: str
    digest: str
    attempts: int


class ClaimRepository(Protocol):
    """Hands out versions to prove. Every method raises DatabaseUnavailable."""

    def claim(self, lease_seconds: float) -> Claim | None:
        """A version that is nobody's for at least `lease_seconds`."""

    def renew(self, claim: Claim, lease_seconds: float) -> None:
        """Hold the version for `lease_seconds` from now, if the claim still holds."""

    def release(self, claim: Claim, delay_seconds: float, counts: bool) -> None:
        """Let the version be claimed again after `delay_seconds`; was this an attempt?"""

    def conclude(
        self, claim: Claim, state: str, report: dict[str, Any], twin_digest: str | None
    ) -> None:
        """Make the version ready or rejected, if the claim still holds."""


class PostgresClaimRepository:
    """ClaimRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, lease_seconds: float) -> Claim | None:
        with self._database.transaction() as connection:
            row = _queries.claim_version(connection, lease_seconds=lease_seconds)
        return Claim(**row) if row else None

    def renew(self, claim: Claim, lease_seconds: float) -> None:
        with self._database.transaction() as connection:
            _queries.renew_version(
                connection, version=claim.version, attempts=claim.attempts,
                lease_seconds=lease_seconds)

    def release(self, claim: Claim, delay_seconds: float, counts: bool) -> None:
        with self._database.transaction() as connection:
            _queries.release_version(
                connection, version=claim.version, attempts=claim.attempts,
                delay_seconds=delay_seconds, counts=counts)

    def conclude(
        self, claim: Claim, state: str, report: dict[str, Any], twin_digest: str | None
    ) -> None:
        with self._database.transaction() as connection:
            _queries.conclude_version(
                connection, version=claim.version, attempts=claim.attempts, state=state,
                report=Json(report), twin_digest=twin_digest)
