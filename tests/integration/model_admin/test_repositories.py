"""The repositories of model-admin on a real database, and what the database itself enforces."""
from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from common.config import Settings
from common.db import Database
from model_admin.registry.repository import PostgresVersionRepository
from model_admin.validation.repository import PostgresClaimRepository
from tests.contracts.registry import (
    ADMIN,
    ClaimRepositoryContract,
    VersionRepositoryContract,
    new_version,
)
from tests.databases import add_model, query


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database without models: cheaper than one for each test."""
    query(module_settings, "DELETE FROM model_versions")
    return module_settings


@pytest.fixture
def versions(database: Database) -> PostgresVersionRepository:
    return PostgresVersionRepository(database)


class TestPostgresVersionRepository(VersionRepositoryContract):
    """The real repository of versions."""

    def test_rivals(self, versions: PostgresVersionRepository) -> None:
        """Of many registrations of a version at the same moment, one wins."""
        rivals = [new_version(digest=f"{number:064x}") for number in range(16)]
        with ThreadPoolExecutor(8) as executor:
            won = [*executor.map(versions.insert, rivals)]
        assert sorted(won) == [False] * 15 + [True]
        row = versions.find("v1")
        assert row is not None and row["digest"] == rivals[won.index(True)].digest

    def test_one_active(self, database_settings: Settings) -> None:
        """The database refuses a second active version, whoever writes it."""
        add_model(database_settings, "v1", is_active=True)
        with pytest.raises(psycopg2.errors.UniqueViolation):
            add_model(database_settings, "v2", is_active=True)
        add_model(database_settings, "v2")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            query(database_settings, "UPDATE model_versions SET is_active = true")

    @pytest.mark.parametrize("state", ["validating", "rejected"])
    def test_unproven_is_never_active(self, database_settings: Settings, state: str) -> None:
        """Nor does it take an active version that is not proven, or an unproven one that is."""
        with pytest.raises(psycopg2.errors.CheckViolation):
            add_model(database_settings, "v1", state=state, is_active=True)
        add_model(database_settings, "v2", is_active=True)
        with pytest.raises(psycopg2.errors.CheckViolation):
            query(database_settings, "UPDATE model_versions SET state = %s", state)


def test_registration_is_audited(
    versions: PostgresVersionRepository, database_settings: Settings
) -> None:
    """Who registered a version, when and from where, stands in the audit log, once."""
    versions.insert(new_version("v7"))
    versions.insert(new_version("v7"))
    (line,) = query(database_settings, "SELECT actor, action, subject, detail, request_id, "
                    "remote_address FROM audit_log WHERE subject = 'v7'")
    assert line == {
        "actor": ADMIN, "action": "model.register", "subject": "v7",
        "detail": {"digest": "a" * 64, "size_bytes": 1 << 33}, "request_id": "request-1",
        "remote_address": "192.0.2.7"}


class TestPostgresClaimRepository(ClaimRepositoryContract):
    """The real repository of claims."""

    @pytest.fixture
    def claims(self, database: Database) -> PostgresClaimRepository:
        return PostgresClaimRepository(database)

    def test_rivals(
        self, claims: PostgresClaimRepository, versions: PostgresVersionRepository,
    ) -> None:
        """However many workers look at the same moment, each version goes to one of them."""
        for number in range(6):
            versions.insert(new_version(f"v{number}"))
        with ThreadPoolExecutor(8) as executor:
            taken = [*executor.map(lambda _: claims.claim(60), range(24))]
        assert Counter(claim.version for claim in taken if claim) == {
            f"v{number}": 1 for number in range(6)}
        assert {claim.attempts for claim in taken if claim} == {1}

    def test_unusual_reports(
        self, claims: PostgresClaimRepository, versions: PostgresVersionRepository,
    ) -> None:
        """A report survives whatever words and figures are in it."""
        versions.insert(new_version())
        claim = claims.claim(60)
        assert claim is not None
        report = {"reason": "50 % of 'x' :y \\u0000 寸法 \x1b", "figure": 1e-308, "none": None}
        claims.conclude(claim, "rejected", report, None)
        row = versions.find("v1")
        assert row is not None and row["report"] == report
