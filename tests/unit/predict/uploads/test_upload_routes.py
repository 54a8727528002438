"""/api/v1/uploads over HTTP: what it allows, what it refuses, and what it tells."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from predict.uploads.routes import create_routes
from predict.uploads.service import FORM_SECONDS, NEVER_ARRIVED, Uploads
from tests import tokens
from tests.contracts.uploads import CLASSIFIED
from tests.environments import settings
from tests.fakes.storage import InMemoryObjectStore
from tests.fakes.uploads import InMemoryUploads, RecordingSigner

PATH = "/api/v1/uploads"
USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
MAX_BYTES = 10_000
NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


class Function:
    """The routes, with everything behind them in memory; time passes when `now` is set."""

    def __init__(self) -> None:
        self.repository = InMemoryUploads()
        self.signer = RecordingSigner()
        self.store = InMemoryObjectStore()
        self.now = NOW
        app = create_web_app(
            "predict", Authenticator(settings()), {}, MAX_BYTES, CollectorRegistry())
        app.register_blueprint(create_routes(Uploads(
            self.repository, self.signer, self.store, MAX_BYTES, lambda: self.now)))
        self.client = app.test_client()

    def post(self, body: Any, user: uuid.UUID = USER) -> TestResponse:
        """Ask for a form."""
        return self.client.post(PATH, json=body, headers=tokens.bearer(user))

    def allow(self, filename: str = "cup.jpg", content_type: str = "image/jpeg") -> Any:
        """The answer to who asks for a form."""
        answer = self.post({"filename": filename, "content_type": content_type})
        assert answer.status_code == 201, answer.text
        return answer.json

    def get(self, upload_id: str, user: uuid.UUID = USER, roles: tuple[str, ...] = ()) -> Any:
        """Ask what became of an upload."""
        return self.client.get(
            f"{PATH}/{upload_id}", headers=tokens.bearer(user, roles=[*roles]))


@pytest.fixture
def function() -> Function:
    return Function()


def test_allowed(function: Function) -> None:
    """The answer is a form for a key of our own in the caller's prefix, and where to look."""
    answer = function.post({"filename": "cup.jpg", "content_type": "image/jpeg"})
    body = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATH}/{body['upload_id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    key = f"uploads/{USER}/{body['upload_id']}/cup.jpg"
    assert body == {
        "upload_id": str(uuid.UUID(body["upload_id"])), "object_key": key,
        "url": "https://store.example/images", "fields": {"key": key, "policy": "e30="},
        "expires_at": "2026-01-31T12:05:00Z", "max_bytes": MAX_BYTES}
    assert function.signer.signed == [(key, "image/jpeg", MAX_BYTES, FORM_SECONDS)]


def test_first_request_of_a_user(function: Function) -> None:
    """The user is created with the token's address, and the upload is kept."""
    body = function.allow(content_type="image/webp")
    (upload,) = function.repository.uploads.values()
    assert function.repository.users == {USER: "ada@example.org"}
    assert (str(upload.upload_id), upload.user_id, upload.object_key) == (
        body["upload_id"], USER, body["object_key"])
    assert (upload.filename, upload.content_type) == ("cup.jpg", "image/webp")
    assert upload.expires_at == NOW + timedelta(seconds=FORM_SECONDS)


def test_each_form_has_a_key_of_its_own(function: Function) -> None:
    """The same file name twice is two keys: nobody overwrites what was put before."""
    assert function.allow()["object_key"] != function.allow()["object_key"]


@pytest.mark.parametrize(("sent", "kept"), [
    ("Größe 寸法 📷 +%.png", "Größe 寸法 📷 +%.png"), ("../../x.png", "x.png"),
    ("C:\\pictures\\cup.png", "cup.png"), ("..", "picture"), ("a/.", "picture"),
    ("", "picture"), ("a\0b\x1b[2J\u202e.png", "ab[2J.png"), ("half\ud83d.png", "half.png"),
    ("${filename}", "_{filename}"), ("$${filename}.png", "$_{filename}.png"),
    ("x" * 300, "x" * 255), ("é" * 127, "é" * 127), ("é" * 128, "é" * 127),
    ("📷" * 100 + ".jpeg", "📷" * 62 + ".jpeg"), ("x." + "é" * 200, "x." + "é" * 126),
    ("." + "x" * 300, "." + "x" * 254), (".jpg", ".jpg"),
])
def test_file_name(function: Function, sent: str, kept: str) -> None:
    """What a store takes of a file's name ends the key, at most 255 bytes with its suffix."""
    body = function.allow(sent)
    assert body["object_key"].split("/", 3)[3] == kept
    assert len(kept.encode()) <= 255 and len(body["object_key"].encode()) <= 1024
    assert function.get(body["upload_id"]).json["filename"] == kept


@pytest.mark.parametrize("content_type", [
    "image/gif", "image/svg+xml", "text/html", "", "image/jpeg; charset=x", "image/*",
    "IMAGE/JPEG"])
def test_other_media_types(function: Function, content_type: str) -> None:
    """Only what can be classified may be stored, under the name the store is going to compare."""
    answer = function.post({"filename": "cup.jpg", "content_type": content_type})
    assert (answer.status_code, answer.json["detail"]) == (
        415, "content_type must be image/jpeg, image/png or image/webp.")
    assert function.repository.uploads == {} and function.signer.signed == []


@pytest.mark.parametrize(("body", "status", "detail"), [
    (None, 400, "Send a JSON object with filename and content_type."),
    ([], 400, "Send a JSON object with filename and content_type."),
    ({"filename": "cup.jpg"}, 400, "Send a JSON object with filename and content_type."),
    ({"content_type": "image/png"}, 400, "Send a JSON object with filename and content_type."),
    ({"filename": 7, "content_type": "image/png"}, 422, "filename must be a text."),
    ({"filename": "x", "content_type": ["image/png"]}, 422, "content_type must be a text."),
])
def test_malformed(function: Function, body: Any, status: int, detail: str) -> None:
    """What is missing or of another kind is named."""
    answer = function.post(body)
    assert (answer.status_code, answer.json["detail"]) == (status, detail)


def test_without_a_token(function: Function) -> None:
    """Nobody gets a form without saying who it is."""
    assert function.client.post(PATH, json={}).status_code == 401


def test_pending(function: Function) -> None:
    """Before its object is announced, and while that waits, an upload is pending."""
    body = function.allow()
    answer = function.get(body["upload_id"])
    assert (answer.status_code, answer.json) == (200, {
        "upload_id": body["upload_id"], "state": "pending", "filename": "cup.jpg",
        "content_type": "image/jpeg", "object_key": body["object_key"],
        "created_at": "2026-01-31T12:00:00Z", "expires_at": "2026-01-31T12:05:00Z"})
    function.repository.add_event(body["object_key"], "pending", reason="No answer.")
    assert function.get(body["upload_id"]).json == answer.json


@pytest.mark.parametrize("state", ["classified", "done"])
def test_done(function: Function, state: str) -> None:
    """A classified upload tells its picture and what is said of it."""
    body, prediction_id = function.allow(), uuid.uuid4()
    image_id = function.repository.add_event(
        body["object_key"], state, prediction_id=prediction_id, **CLASSIFIED)
    shown = function.get(body["upload_id"]).json
    assert shown["state"] == "done"
    assert {name: shown[name] for name in list(shown)[7:]} == {
        "prediction_id": str(prediction_id), "image_id": str(image_id),
        "predicted_class": "espresso", "confidence_score": 0.9375}


def test_failed(function: Function) -> None:
    """An upload that was given up tells why."""
    body = function.allow()
    function.repository.add_event(
        body["object_key"], "dead", fault="not_a_picture", reason="The file is no picture.")
    shown = function.get(body["upload_id"]).json
    assert {name: shown[name] for name in list(shown)[7:]} == {
        "reason": "The file is no picture.", "fault": "not_a_picture"}
    assert shown["state"] == "failed"


def test_retried(function: Function) -> None:
    """An upload whose event is retried is pending again, and says nothing of the past."""
    body = function.allow()
    function.repository.add_event(
        body["object_key"], "pending", reason="The file is no picture.")
    shown = function.get(body["upload_id"]).json
    assert shown["state"] == "pending" and "reason" not in shown


def test_expired(function: Function) -> None:
    """If nothing was stored in time the upload has failed, and asking again is the way out."""
    body = function.allow()
    function.now += timedelta(seconds=FORM_SECONDS - 1)
    assert function.get(body["upload_id"]).json["state"] == "pending"
    function.now += timedelta(seconds=1)
    shown = function.get(body["upload_id"]).json
    assert (shown["state"], shown["fault"], shown["reason"]) == (
        "failed", "expired", NEVER_ARRIVED)


def test_expired_before_it_was_noticed(function: Function) -> None:
    """What was stored in time is pending until it is found, however late that is."""
    body = function.allow()
    function.store.put(body["object_key"], b"picture", "image/jpeg")
    function.now += timedelta(days=1)
    assert function.get(body["upload_id"]).json["state"] == "pending"
    function.repository.add_event(
        body["object_key"], "done", prediction_id=uuid.uuid4(), **CLASSIFIED)
    function.store.delete(body["object_key"])
    assert function.get(body["upload_id"]).json["state"] == "done"


def test_announced_while_the_store_is_asked(function: Function) -> None:
    """An object that is classified and removed between two looks has not expired."""
    class Store(InMemoryObjectStore):
        def exists(self, key: str) -> bool:
            function.repository.add_event(
                key, "done", prediction_id=uuid.uuid4(), **CLASSIFIED)
            return super().exists(key)

    service = Uploads(
        function.repository, function.signer, Store(), MAX_BYTES, lambda: function.now)
    body = function.allow()
    function.now += timedelta(days=1)
    (upload,) = function.repository.uploads.values()
    caller = Authenticator(settings()).authenticate(f"Bearer {tokens.hs256(USER)}")
    assert str(upload.upload_id) == body["upload_id"]
    assert service.find(caller, upload.upload_id)["state"] == "done"


def test_uploads_of_others(function: Function) -> None:
    """Another user's upload is not there, with the words of one that never was."""
    upload_id = function.allow()["upload_id"]
    other, missing = function.get(upload_id, uuid.uuid4()), function.get(str(uuid.uuid4()))
    assert (other.status_code, missing.status_code) == (404, 404)
    assert other.json["detail"] == missing.json["detail"] == "There is no such upload."
    assert function.get("everything").status_code == 404


def test_administrator(function: Function) -> None:
    """An administrator sees everybody's uploads."""
    upload_id = function.allow()["upload_id"]
    assert function.get(upload_id, uuid.uuid4(), ("admin",)).json["upload_id"] == upload_id


def test_database_away(function: Function) -> None:
    """No form leaves the house whose upload could not be kept."""
    function.repository.down = True
    answer = function.post({"filename": "cup.jpg", "content_type": "image/jpeg"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "policy" not in answer.text


def test_store_away(function: Function) -> None:
    """Whether an upload has expired is not said while the store cannot be asked."""
    upload_id = function.allow()["upload_id"]
    function.store.down = True
    assert function.get(upload_id).status_code == 200
    function.now += timedelta(days=1)
    assert function.get(upload_id).status_code == 503
