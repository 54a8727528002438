"""The contract of UploadRepository."""
from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Protocol

import pytest

from common.auth import placeholder_email
from common.errors import Conflict, DatabaseUnavailable
from predict.uploads.repository import AllowedUpload, Row, UploadRepository

EXPIRES_AT = datetime(2026, 1, 31, 12, 5, tzinfo=timezone.utc)
FIELDS = {
    "upload_id", "filename", "content_type", "object_key", "created_at", "expires_at",
    "event_state", "fault", "reason", "image_id", "prediction_id", "predicted_class",
    "confidence_score"}
CLASSIFIED = {"predicted_class": "espresso", "confidence_score": 0.9375}


class Surroundings(Protocol):
    """What lies around the uploads."""

    def emails(self) -> dict[uuid.UUID, str]:
        """Every user's address."""

    def announce(self, object_key: str, state: str, **changes: Any) -> uuid.UUID:
        """Have an object announced, later than all before; `changes` are fault and reason."""

    def classify(self, object_key: str, state: str) -> tuple[uuid.UUID, uuid.UUID]:
        """Have an object announced and CLASSIFIED; answers the ids of picture and prediction."""

    def erase(self, prediction_id: uuid.UUID) -> None:
        """Delete a prediction with its picture."""


def upload(**changes: Any) -> AllowedUpload:
    """An upload of a new user, with `changes`."""
    upload_id, user_id = uuid.uuid4(), uuid.uuid4()
    made = AllowedUpload(
        upload_id, user_id, f"uploads/{user_id}/{upload_id}/Größe 50% 'x' :id.jpg",
        "Größe 50% 'x' :id.jpg", "image/jpeg", EXPIRES_AT)
    return replace(made, **changes)


def found(uploads: UploadRepository, wanted: AllowedUpload) -> Row:
    """An upload that must be there."""
    row = uploads.find(wanted.upload_id, wanted.user_id)
    assert row is not None
    return row


class UploadsContract:
    """Subclasses give the fixtures `uploads`, `around` and `unreachable_uploads`."""

    def test_added(self, uploads: UploadRepository, around: Surroundings) -> None:
        """An allowed upload is found as it was stored, and nothing has become of it yet."""
        given = upload()
        uploads.add(given, "ada@example.org")
        row = found(uploads, given)
        assert set(row) == FIELDS
        assert (row["upload_id"], row["object_key"], row["filename"], row["content_type"]) == (
            given.upload_id, given.object_key, given.filename, "image/jpeg")
        assert (row["expires_at"], row["created_at"].tzinfo) == (EXPIRES_AT, timezone.utc)
        assert {row[name] for name in (
            "event_state", "fault", "reason", "image_id", "prediction_id", "predicted_class",
            "confidence_score")} == {None}
        assert around.emails() == {given.user_id: "ada@example.org"}

    def test_owner(self, uploads: UploadRepository) -> None:
        """An upload is found by its owner and by who owns everything, and by nobody else."""
        given = upload()
        uploads.add(given, "ada@example.org")
        assert uploads.find(given.upload_id, None) == found(uploads, given)
        assert uploads.find(given.upload_id, uuid.uuid4()) is None
        assert uploads.find(uuid.uuid4(), None) is None

    def test_address(self, uploads: UploadRepository, around: Surroundings) -> None:
        """A user has the address the last token named; one that is taken becomes a placeholder."""
        ada, bob = uuid.uuid4(), uuid.uuid4()
        for user_id, email in (
                (ada, "old@example.org"), (ada, "ada@example.org"), (bob, "ada@example.org")):
            uploads.add(upload(user_id=user_id), email)
        assert around.emails() == {ada: "ada@example.org", bob: placeholder_email(bob)}

    def test_owners_without_an_address(
        self, uploads: UploadRepository, around: Surroundings,
    ) -> None:
        """Who names no address keeps the one that is known, or gets a placeholder."""
        ada, bob = uuid.uuid4(), uuid.uuid4()
        for user_id, email in ((ada, "ada@example.org"), (ada, None), (bob, None), (bob, None)):
            uploads.add(upload(user_id=user_id), email)
        assert around.emails() == {ada: "ada@example.org", bob: placeholder_email(bob)}

    def test_key_is_used_once(self, uploads: UploadRepository, around: Surroundings) -> None:
        """No two uploads have one key; the refused one leaves no user behind."""
        given = upload()
        uploads.add(given, "ada@example.org")
        with pytest.raises(Conflict):
            uploads.add(upload(object_key=given.object_key), "bob@example.org")
        assert around.emails() == {given.user_id: "ada@example.org"}

    def test_pending(self, uploads: UploadRepository, around: Surroundings) -> None:
        """While its object waits, the upload has that event and no picture."""
        given = upload()
        uploads.add(given, "ada@example.org")
        around.announce(given.object_key, "pending", reason="The object store does not answer.")
        row = found(uploads, given)
        assert (row["event_state"], row["image_id"], row["prediction_id"]) == (
            "pending", None, None)

    @pytest.mark.parametrize("state", ["classified", "done"])
    def test_classified(
        self, uploads: UploadRepository, around: Surroundings, state: str
    ) -> None:
        """Once it is classified, the upload has its picture and what is said of it."""
        given = upload()
        uploads.add(given, "ada@example.org")
        image_id, prediction_id = around.classify(given.object_key, state)
        row = found(uploads, given)
        assert (row["event_state"], row["image_id"], row["prediction_id"]) == (
            state, image_id, prediction_id)
        assert {name: row[name] for name in CLASSIFIED} == CLASSIFIED

    def test_dead(self, uploads: UploadRepository, around: Surroundings) -> None:
        """An upload that was given up says why."""
        given = upload()
        uploads.add(given, "ada@example.org")
        around.announce(
            given.object_key, "dead", fault="not_a_picture", reason="The file is no picture.")
        row = found(uploads, given)
        assert (row["event_state"], row["fault"], row["reason"], row["image_id"]) == (
            "dead", "not_a_picture", "The file is no picture.", None)

    def test_newest_event(self, uploads: UploadRepository, around: Surroundings) -> None:
        """The newest event of an object decides, whatever became of those before."""
        given = upload()
        uploads.add(given, "ada@example.org")
        around.announce(given.object_key, "dead", fault="gone", reason="The object is gone.")
        image_id, _ = around.classify(given.object_key, "done")
        assert found(uploads, given)["image_id"] == image_id
        around.announce(given.object_key, "pending")
        assert found(uploads, given)["event_state"] == "pending"

    def test_superseded(self, uploads: UploadRepository, around: Surroundings) -> None:
        """An event that another one has taken the place of decides nothing."""
        given = upload()
        uploads.add(given, "ada@example.org")
        around.announce(given.object_key, "superseded")
        assert found(uploads, given)["event_state"] is None
        image_id, _ = around.classify(given.object_key, "done")
        around.announce(given.object_key, "superseded")
        assert found(uploads, given)["image_id"] == image_id

    def test_other_objects(self, uploads: UploadRepository, around: Surroundings) -> None:
        """Events of other objects are not its own, however alike the keys are."""
        given = upload()
        uploads.add(given, "ada@example.org")
        for key in (given.object_key + "x", given.object_key[:-1], given.object_key.upper()):
            around.announce(key, "pending")
        assert found(uploads, given)["event_state"] is None

    def test_erased(self, uploads: UploadRepository, around: Surroundings) -> None:
        """Of a picture that was deleted since, only the ids are left."""
        given = upload()
        uploads.add(given, "ada@example.org")
        image_id, prediction_id = around.classify(given.object_key, "done")
        around.erase(prediction_id)
        row = found(uploads, given)
        assert (row["event_state"], row["image_id"], row["prediction_id"]) == (
            "done", image_id, prediction_id)
        assert (row["predicted_class"], row["confidence_score"]) == (None, None)

    def test_unreachable(self, unreachable_uploads: UploadRepository) -> None:
        """Without the database every method says so."""
        with pytest.raises(DatabaseUnavailable):
            unreachable_uploads.add(upload(), "ada@example.org")
        with pytest.raises(DatabaseUnavailable):
            unreachable_uploads.find(uuid.uuid4(), None)
