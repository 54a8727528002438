"""The repository on a real PostgreSQL keeps the contract, and is honest about lost commits."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from common.auth import placeholder_email
from common.config import Settings
from common.db import Database
from common.errors import CommitUnknown, DatabaseUnavailable, NotFound
from common.inference.model import Lineage
from predict.repository import PostgresPredictionRepository, PredictionRecord, ShadowRecord
from tests.contracts.prediction_repository import PredictionRepositoryContract, Stored
from tests.databases import add_model, connect, query, wait_for_lock
from tests.environments import settings
from tests.proxies import CuttingProxy
from tests.records import record

COUNTS = """
    SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM images) AS images,
           (SELECT count(*) FROM predictions) AS predictions
"""
PREDICTION = """
    SELECT i.user_id, u.email, image_id, filename, object_key, content_type, size_bytes, sha256,
           width, height, brightness, i.source, model_version, predicted_class, confidence_score,
           prediction_time_ms, top_k, request_id, engine, model_digest, twin_digest,
           preprocessing_digest
    FROM predictions p JOIN images i USING (image_id) JOIN users u ON u.user_id = p.user_id
    WHERE prediction_id = %s AND p.user_id = i.user_id AND p.source = i.source
"""
SHADOWS = """
    SELECT prediction_id, model_version, predicted_class, confidence_score, prediction_time_ms,
           top_k, engine, model_digest, twin_digest, preprocessing_digest
    FROM shadow_predictions
"""


class StoredInPostgres:
    """Looks into the tables."""

    def __init__(self, database_settings: Settings) -> None:
        self._settings = database_settings

    def emails(self) -> dict[uuid.UUID, str]:
        rows = query(self._settings, "SELECT user_id, email FROM users")
        return {row["user_id"]: row["email"] for row in rows}

    def prediction(self, prediction_id: uuid.UUID) -> PredictionRecord:
        (row,) = query(self._settings, PREDICTION, prediction_id)
        return PredictionRecord(**{**row, "sha256": bytes(row["sha256"])})

    def shadows(self) -> list[ShadowRecord]:
        return [
            ShadowRecord(lineage=Lineage(**{  # type: ignore[typeddict-item]
                name: row.pop(name) for name in Lineage.__annotations__}), **row)
            for row in query(self._settings, SHADOWS)]

    def counts(self) -> tuple[int, int, int]:
        (row,) = query(self._settings, COUNTS)
        return row["users"], row["images"], row["predictions"]


class TestPostgresPredictionRepository(PredictionRepositoryContract):
    """The real adapter."""

    @pytest.fixture
    def repository(
        self, database: Database, database_settings: Settings,
    ) -> PostgresPredictionRepository:
        for version in ("v1", "v2"):
            add_model(database_settings, version)
        return PostgresPredictionRepository(database)

    @pytest.fixture
    def stored(self, database_settings: Settings) -> Stored:
        return StoredInPostgres(database_settings)

    @pytest.fixture
    def unreachable_repository(self) -> PostgresPredictionRepository:
        return PostgresPredictionRepository(Database(settings(), size=1))

    def test_times_and_defaults(
        self, repository: PostgresPredictionRepository, database_settings: Settings,
    ) -> None:
        """What the database fills in is there: ids and the time of the transaction."""
        prediction_id = repository.record(record())
        (row,) = query(database_settings, """
            SELECT p.created_at = i.created_at AND p.created_at = u.created_at AS together,
                   now() - p.created_at < interval '1 minute' AS recent, prediction_id
            FROM predictions p JOIN images i USING (image_id) JOIN users u ON u.user_id = p.user_id
        """)
        assert row == {"together": True, "recent": True, "prediction_id": prediction_id}

    @pytest.mark.parametrize("same_user", [True, False])
    def test_address_taken_meanwhile(
        self, repository: PostgresPredictionRepository, stored: Stored,
        database_settings: Settings, same_user: bool,
    ) -> None:
        """A request that meets another one's half-written user waits for it and is then served."""
        given = record()
        other = given.user_id if same_user else uuid.uuid4()
        rival = connect(database_settings)
        rival.autocommit = False
        with ThreadPoolExecutor(1) as threads, closing(rival):
            with rival.cursor() as cursor:
                cursor.execute("INSERT INTO users VALUES (%s, %s)", (other, given.email))
            recording = threads.submit(repository.record, given)
            wait_for_lock(database_settings)
            rival.commit()
            prediction_id = recording.result(20)
        own = given.email if same_user else placeholder_email(given.user_id)
        assert stored.prediction(prediction_id) == replace(given, email=own)

    @pytest.mark.parametrize("what", ["images", "users"])
    def test_again_while_it_is_erased(
        self, repository: PostgresPredictionRepository, stored: Stored,
        database_settings: Settings, what: str,
    ) -> None:
        """A picture that is just being erased gets no prediction: its erasure is waited for."""
        given = record()
        repository.record(given)
        rival = connect(database_settings)
        rival.autocommit = False
        with ThreadPoolExecutor(1) as threads, closing(rival):
            with rival.cursor() as cursor:
                if what == "users":
                    cursor.execute("SELECT FROM users FOR UPDATE")
                else:
                    cursor.execute("SELECT FROM images FOR UPDATE")
                recording = threads.submit(repository.record_again, given)
                wait_for_lock(database_settings)
                cursor.execute("DELETE FROM predictions")
                cursor.execute("DELETE FROM images")
                if what == "users":
                    cursor.execute("DELETE FROM users")
            rival.commit()
            with pytest.raises(NotFound):
                recording.result(20)
        assert stored.counts() == (0 if what == "users" else 1, 0, 0)

    def test_again_is_told(
        self, database: Database, database_settings: Settings,
        repository: PostgresPredictionRepository,
    ) -> None:
        """Receivers hear of another prediction as of a first one."""
        given, told = record(), PostgresPredictionRepository(database, has_sink=True)
        repository.record(given)
        prediction_id = told.record_again(given)
        (event,) = query(database_settings, "SELECT subject, data FROM outbox")
        assert event["subject"] == str(prediction_id)
        assert event["data"]["object_key"] == given.object_key
        assert event["data"]["image_id"] == str(given.image_id)


@pytest.fixture
def proxy(database_settings: Settings) -> Iterator[CuttingProxy]:
    add_model(database_settings, "v1")
    with CuttingProxy(
            database_settings.postgres_host, database_settings.postgres_port) as running:
        yield running


@pytest.fixture
def behind_proxy(
    database_settings: Settings, proxy: CuttingProxy,
) -> PostgresPredictionRepository:
    reached = replace(database_settings, postgres_host=proxy.host, postgres_port=proxy.port,
                      postgres_sslmode="disable")
    return PostgresPredictionRepository(Database(reached, size=1))


def test_commit_that_never_arrived(
    behind_proxy: PostgresPredictionRepository, proxy: CuttingProxy, database_settings: Settings,
) -> None:
    """A connection lost on the way to COMMIT: nothing is stored, and nobody here knows."""
    proxy.cut_before(b"COMMIT")
    with pytest.raises(CommitUnknown):
        behind_proxy.record(record())
    assert StoredInPostgres(database_settings).counts() == (0, 0, 0)
    proxy.heal()
    behind_proxy.record(record())
    assert StoredInPostgres(database_settings).counts() == (1, 1, 1)


def test_commit_whose_answer_was_lost(
    behind_proxy: PostgresPredictionRepository, proxy: CuttingProxy, database_settings: Settings,
) -> None:
    """A connection lost on the way back from COMMIT: everything is stored, and nobody knows."""
    proxy.cut_after(b"COMMIT")
    with pytest.raises(CommitUnknown):
        behind_proxy.record(record())
    assert StoredInPostgres(database_settings).counts() == (1, 1, 1)


def test_statement_that_never_arrived(
    behind_proxy: PostgresPredictionRepository, proxy: CuttingProxy, database_settings: Settings,
) -> None:
    """A connection lost before COMMIT is an outage like any other: surely nothing is stored."""
    proxy.cut_before(b"INSERT INTO predictions")
    with pytest.raises(DatabaseUnavailable) as caught:
        behind_proxy.record(record())
    assert not isinstance(caught.value, CommitUnknown)
    assert StoredInPostgres(database_settings).counts() == (0, 0, 0)
