"""The inbox on a real PostgreSQL keeps the contract."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from common.config import Settings
from common.db import Database
from predict.inbox.repository import PostgresInbox
from predict.repository import PostgresPredictionRepository
from tests.contracts.inbox import BUCKET, InboxContract, Office, classify, claimed, event
from tests.contracts.inbox_claims import InboxClaimsContract
from tests.contracts.inbox_erasure import InboxErasureContract
from tests.contracts.inbox_retention import InboxRetentionContract
from tests.databases import add_model, query
from tests.environments import settings


class OfficeInPostgres:
    """Both halves of the contract on one database."""

    def __init__(self, database: Database, database_settings: Settings) -> None:
        self._settings = database_settings
        self.inbox = PostgresInbox(database, BUCKET, has_sink=True)
        self.repository = PostgresPredictionRepository(database, has_sink=True)

    def add_user(self) -> uuid.UUID:
        (row,) = query(self._settings, "INSERT INTO users (email) VALUES (%s) RETURNING user_id",
                       f"{uuid.uuid4()}@example.org")
        user: uuid.UUID = row["user_id"]
        return user

    def erase_user(self, user: uuid.UUID, at: datetime, is_back: bool) -> None:
        query(self._settings, "INSERT INTO erasures (kind, subject_id, requested_at, due_at) "
              "VALUES ('user', %s, %s, now())", user, at)
        if not is_back:
            query(self._settings, "DELETE FROM users WHERE user_id = %s", user)

    def doom(self, key: str, etag: str) -> None:
        query(self._settings, """
            WITH erasure AS (
                INSERT INTO erasures (kind, subject_id, due_at)
                VALUES ('image', gen_random_uuid(), now()) RETURNING erasure_id)
            INSERT INTO objects_to_remove (erasure_id, object_key, etag)
            SELECT erasure_id, %s, %s FROM erasure""", key, etag)

    def let_pass(self, time: timedelta) -> None:
        query(self._settings, "UPDATE storage_events SET finished_at = finished_at - %s", time)

    def states(self) -> list[tuple[str, str | None]]:
        rows = query(self._settings,
                     "SELECT state, fault FROM storage_events ORDER BY received_at")
        return [(row["state"], row["fault"]) for row in rows]

    def told(self) -> list[uuid.UUID]:
        rows = query(self._settings, "SELECT data->>'event_id' AS id FROM outbox "
                     "WHERE event_type = 'imgclass.upload.failed' ORDER BY created_at")
        return [uuid.UUID(row["id"]) for row in rows]


@pytest.fixture
def office(database: Database, database_settings: Settings) -> OfficeInPostgres:
    add_model(database_settings, "v1")
    return OfficeInPostgres(database, database_settings)


class TestPostgresInbox(
    InboxContract, InboxClaimsContract, InboxErasureContract, InboxRetentionContract
):
    """The real adapter."""

    @pytest.fixture
    def unreachable_inbox(self) -> PostgresInbox:
        return PostgresInbox(Database(settings(), size=1), BUCKET, has_sink=False)


def test_prediction_is_told_once(office: Office, database_settings: Settings) -> None:
    """A recorded prediction is in the outbox with what it says, by the same commit."""
    user = office.add_user()
    office.inbox.announce([event(user)])
    got = claimed(office.inbox)
    prediction_id = classify(office, got)
    (told,) = query(database_settings, "SELECT event_type, subject, data, state FROM outbox")
    assert (told["event_type"], told["state"]) == ("imgclass.prediction.created", "pending")
    assert told["subject"] == told["data"]["prediction_id"] == str(prediction_id)
    assert told["data"]["image_id"] == str(got.event_id)
    assert told["data"]["predicted_class"] == "espresso"
    assert told["data"]["object_key"] == f"2026/01/31/{got.event_id}.jpg"
    (row,) = query(database_settings, "SELECT prediction_id FROM storage_events")
    assert row["prediction_id"] == prediction_id


def test_form_is_forgotten_with_its_event(
    office: OfficeInPostgres, database_settings: Settings
) -> None:
    """With the event of a classified upload goes the form it came with; other forms stay."""
    user = office.add_user()
    for name in ("cup.jpg", "other.jpg"):
        query(database_settings, """
            INSERT INTO uploads (
                upload_id, user_id, object_key, filename, content_type, expires_at)
            VALUES (gen_random_uuid(), %s, %s, %s, 'image/jpeg', now())""",
              user, f"uploads/{user}/{name}", name)
    office.inbox.announce([event(user)])
    got = claimed(office.inbox)
    classify(office, got)
    office.inbox.removed(got)
    office.let_pass(timedelta(days=31))
    assert office.inbox.forget_ended(30) == 1
    assert query(database_settings, "SELECT filename FROM uploads") == [{"filename": "other.jpg"}]


def test_nobody_wants_to_be_told(database: Database, database_settings: Settings) -> None:
    """Without a sink and without webhooks nothing is put into the outbox."""
    add_model(database_settings, "v1")
    office = OfficeInPostgres(database, database_settings)
    office.repository = PostgresPredictionRepository(database)
    office.inbox.announce([event(office.add_user())])
    classify(office, claimed(office.inbox))
    assert query(database_settings, "SELECT * FROM outbox") == []


def test_whoever_wants_this_kind_is_told(office: Office, database_settings: Settings) -> None:
    """Each webhook gets the kinds of events it asked for, all with the same id."""
    for kinds in ("{imgclass.upload.failed}", "{imgclass.prediction.created}",
                  "{imgclass.prediction.created,imgclass.upload.failed}"):
        query(database_settings, "INSERT INTO webhooks (url, secret, event_types, created_by) "
              "VALUES ('https://example.org', 's', %s, gen_random_uuid())", kinds)
    office.inbox.announce([event(office.add_user())])
    office.inbox.bury(claimed(office.inbox), "not_a_picture", "why")
    rows = query(database_settings, "SELECT webhook_id, event_id FROM outbox")
    assert len(rows) == 3
    assert len({row["event_id"] for row in rows}) == 1
    assert sum(row["webhook_id"] is None for row in rows) == 1
