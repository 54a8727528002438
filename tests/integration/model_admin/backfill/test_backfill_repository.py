"""Backfills on a real PostgreSQL keep the contracts."""
from __future__ import annotations

import pytest

from common.config import Settings
from common.db import Database
from model_admin.backfill.claims import PostgresBackfillClaims
from model_admin.backfill.repository import PostgresBackfillRepository
from tests.contracts.backfill_claims import BackfillClaimsContract
from tests.contracts.backfills import (
    ADA, ADMIN, LINEAGE, ORIGIN, BackfillsContract, begun, claimed, record, started, walk)
from tests.databases import query
from tests.integration.model_admin.backfill.archive import ArchiveInPostgres


class TestPostgresBackfills(BackfillsContract, BackfillClaimsContract):
    """The real adapters."""

    @pytest.mark.parametrize("window", [1, 2, 3, 20])
    def test_window(
        self, database: Database, backfills: PostgresBackfillRepository,
        archive: ArchiveInPostgres, window: int,
    ) -> None:
        """However few pictures a statement looks at, all that match are found, and no others."""
        added = [(archive.add(predicted_class="tabby" if number % 5 == 0 else "espresso"), number)
                 for number in range(20)]
        row = started(backfills, predicted_class="tabby")
        claims = PostgresBackfillClaims(database, window)
        wanted = sorted(picture for picture, number in added if number % 5 == 0)
        assert walk(claims, claimed(claims), 3) == wanted
        assert archive.predictions(row["backfill_id"]) == wanted

    def test_recorded_prediction(
        self, database_settings: Settings, backfills: PostgresBackfillRepository,
        claims: PostgresBackfillClaims, archive: ArchiveInPostgres,
    ) -> None:
        """A prediction has its whole lineage and belongs to the picture's owner."""
        picture = archive.add()
        row, claim = started(backfills), claimed(claims)
        assert record(claims, claim, begun(claims, claim))
        (new,) = query(
            database_settings, "SELECT * FROM predictions WHERE backfill_id = %s",
            row["backfill_id"])
        del new["prediction_id"]
        assert new.pop("created_at") > row["created_at"]
        assert new == {
            "image_id": picture, "user_id": ADA, "predicted_class": "tabby",
            "confidence_score": 0.5, "prediction_time_ms": 7, "source": "backfill",
            "top_k": [{"class": "tabby", "index": 1, "confidence": 0.5}],
            "request_id": f"backfill-{row['backfill_id']}", "backfill_id": row["backfill_id"],
            **LINEAGE}
        # The picture's row, which had none, has its brightness now, and keeps it.
        for noted in (0.25, 0.75):
            assert query(database_settings, "SELECT brightness FROM images") == [
                {"brightness": noted}]
            query(database_settings, "UPDATE images SET brightness = 0.75")
            claims.finish(claim)
            started(backfills)
            claim = claimed(claims)
            assert record(claims, claim, begun(claims, claim))

    def test_pictures_without_a_digest(
        self, database_settings: Settings, backfills: PostgresBackfillRepository,
        claims: PostgresBackfillClaims, archive: ArchiveInPostgres,
    ) -> None:
        """A picture whose row has the seed's columns alone is found like any other."""
        archive.add()
        query(database_settings, "UPDATE images SET sha256 = NULL")
        started(backfills)
        (picture,) = begun(claims, claimed(claims)).pictures
        assert picture.sha256 is None

    def test_audit(
        self, database_settings: Settings, backfills: PostgresBackfillRepository,
        archive: ArchiveInPostgres,
    ) -> None:
        """The audit log tells who chose what, in which request and from where."""
        archive.add()
        row = started(backfills, model_version="v1")
        backfills.cancel(row["backfill_id"], ORIGIN)
        lines = query(
            database_settings, "SELECT actor, request_id, remote_address, detail FROM audit_log "
            "ORDER BY audit_id")
        assert {(line["actor"], line["request_id"], line["remote_address"])
                for line in lines} == {(ADMIN, "request-1", "192.0.2.1")}
        assert [line["detail"] for line in lines] == [
            {"model_version": "v2", "filter": {"model_version": "v1"},
             "pictures_per_second": 20.0, "total": 1},
            {"model_version": "v2", "total": 1, "classified": 0, "failed": 0}]
