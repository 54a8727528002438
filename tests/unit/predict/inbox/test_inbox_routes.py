"""/events/ over HTTP: notifications are taken in, whatever they hold; schedulers are served."""
from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.auth import Authenticator, MachineToken
from common.web import create_web_app
from predict.inbox.reconcile import Reconciler
from predict.inbox.routes import BODY_LIMITS, MAX_NOTIFICATION_BYTES, create_routes
from predict.inbox.service import InboxService
from predict.inbox.sweep import Sweeper
from tests import tokens
from tests.environments import settings
from tests.fakes.picture_index import InMemoryPictureIndex, InMemorySweepLock
from tests.notifications import aws, body, minio, minio_record, seaweedfs
from tests.unit.predict.inbox.intake import BUCKET, USER, Intake

TOKEN = "the token of the tests' machines"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
KEY = f"uploads/{USER}/cup.png"
BODY_LIMIT = 10 * MAX_NOTIFICATION_BYTES


class Function:
    """The routes of machines with everything behind them in memory."""

    def __init__(self) -> None:
        self.intake = Intake()
        self.lock = InMemorySweepLock()
        self.index = InMemoryPictureIndex()
        self.woken = 0
        intake = self.intake
        intake.worker.wake = self.wake  # type: ignore[method-assign]
        sweeper = Sweeper(
            intake.store, intake.inbox, Reconciler(intake.store, self.index), self.lock, BUCKET,
            intake.telemetry)
        app = create_web_app(
            "predict", Authenticator(settings()), {}, BODY_LIMIT, intake.registry,
            MachineToken(TOKEN), body_limits=BODY_LIMITS)
        app.register_blueprint(
            create_routes(InboxService(
                intake.inbox, intake.worker, sweeper, BUCKET, lambda seconds: 0)))
        self.client: FlaskClient = app.test_client()

    def wake(self) -> None:
        self.woken += 1

    def post(self, path: str, data: bytes = b"", **headers: str) -> TestResponse:
        return self.client.post(path, data=data, headers={**BEARER, **headers})

    def tell(self, document: Any) -> Any:
        """Post a notification; answers what the sender is told."""
        answer = self.post("/events/storage", body(document), **{
            "Content-Type": "application/json"})
        assert answer.status_code == 202, answer.text
        return answer.json


@pytest.fixture
def function() -> Iterator[Function]:
    made = Function()
    yield made
    made.intake.close()


def counts(new: int = 0, known: int = 0, ignored: int = 0) -> dict[str, int]:
    return {"new": new, "known": known, "ignored": ignored}


def assert_problem(answer: TestResponse, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["type"] == f"urn:imgclass:problem:{kind}"


def test_notification(function: Function) -> None:
    """What a notification tells is written down, and the worker is woken; again, it is known."""
    assert function.tell(minio(minio_record(KEY))) == counts(new=1)
    row = function.intake.row()
    assert (row.event.key, row.state, row.announced_by) == (KEY, "pending", "notification")
    assert function.woken == 1
    assert function.tell(minio(minio_record(KEY))) == counts(known=1)
    assert function.woken == 1


def test_several(function: Function) -> None:
    """Each entry of a notification is counted as what it is."""
    function.tell(aws(KEY))
    removed = {**minio_record(KEY), "eventName": "s3:ObjectRemoved:Delete"}
    told = function.tell({"Records": [
        *aws(KEY, f"{KEY}.2", f"{KEY}.3")["Records"], removed, 7,
        minio_record("2026/01/31/cup.png"), minio_record("uploads/folder/"),
        minio_record(KEY, eTag="\ud800"), minio_record(KEY, size=10**30)]})
    assert told == counts(new=2, known=1, ignored=6)


def test_foreign_bucket(function: Function) -> None:
    """What happens in other buckets is none of ours."""
    assert function.tell(minio(minio_record(KEY, bucket="models"))) == counts(ignored=1)
    assert function.tell(seaweedfs(KEY, bucket="models")) == counts(ignored=1)
    assert function.intake.inbox.rows == {}
    assert function.woken == 0


def test_seaweedfs(function: Function) -> None:
    """The filer's own notifications are taken in as well."""
    assert function.tell(seaweedfs(KEY)) == counts(new=1)
    assert function.tell(seaweedfs(KEY, "delete")) == counts(ignored=1)


def test_cloud_event(function: Function) -> None:
    """Attributes of a CloudEvent may come in headers."""
    answer = function.post(
        "/events/storage", body(aws(KEY)), **{
            "Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "1",
            "Ce-Source": "/images", "Ce-Type": "com.amazonaws.s3.objectcreated"})
    assert (answer.status_code, answer.json) == (202, counts(new=1))


@pytest.mark.parametrize("data", [
    b"", b"{", b"\xff", b"null", b"[" * 100_000, bytes(MAX_NOTIFICATION_BYTES)])
@pytest.mark.parametrize("media_type", [
    "", "application/json", "text/plain", "application/cloudevents+json",
    "application/x-www-form-urlencoded", "multipart/form-data"])
def test_garbage(function: Function, data: bytes, media_type: str) -> None:
    """A sender of garbage is not made to send it again."""
    answer = function.post("/events/storage", data, **{"Content-Type": media_type})
    assert (answer.status_code, answer.json) == (202, counts(ignored=1))


def test_too_long(function: Function) -> None:
    """A body longer than any notification is refused, with its length told or not."""
    long = bytes(MAX_NOTIFICATION_BYTES + 1)
    assert_problem(function.post("/events/storage", long), 413, "payload-too-large")
    answer = function.client.post(
        "/events/storage", input_stream=io.BytesIO(long), headers=BEARER,
        environ_overrides={"wsgi.input_terminated": True})
    assert_problem(answer, 413, "payload-too-large")


def test_inbox_down(function: Function) -> None:
    """What cannot be written down is refused, so that it is sent again."""
    function.intake.inbox.down = True
    answer = function.post("/events/storage", body(minio(minio_record(KEY))))
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert function.post("/events/storage", b"garbage").status_code == 202
    function.intake.inbox.down = False
    assert function.tell(minio(minio_record(KEY))) == counts(new=1)


@pytest.mark.parametrize("path", ["/events/storage", "/events/drain", "/events/sweep"])
@pytest.mark.parametrize("headers", [
    {}, {"Authorization": ""}, {"Authorization": TOKEN}, {"Authorization": "Bearer"},
    {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Basic {TOKEN}"}, {"Authorization": f"Bearer {TOKEN} {TOKEN}"},
    {"Authorization": "Bearer \xff"}, {"X-Token": TOKEN}, tokens.bearer(USER),
    tokens.bearer(USER, roles=["admin"])])
def test_no_token(function: Function, path: str, headers: dict[str, str]) -> None:
    """Without the machines' own token nobody gets in: no user and no administrator either."""
    function.intake.put()
    answer = function.client.post(path, data=body(minio(minio_record(KEY))), headers=headers)
    assert_problem(answer, 401, "unauthenticated")
    assert function.intake.inbox.rows == {}


def test_anybody_there(function: Function) -> None:
    """A sender that only asks whether anybody listens needs no token, and changes nothing."""
    answer = function.client.head("/events/storage")
    assert (answer.status_code, answer.data) == (204, b"")
    assert function.client.head("/events/drain").status_code == 405
    assert function.client.head("/events/sweep").status_code == 405


@pytest.mark.parametrize("path", ["/events/storage", "/events/drain", "/events/sweep"])
def test_wrong_method(function: Function, path: str) -> None:
    """Nothing is to be read here."""
    answer = function.client.get(path, headers=BEARER)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_drain(function: Function) -> None:
    """A drain deals with what is due, and says what became of it and what is left."""
    for name in ("1.png", "2.png"):
        function.intake.drop(name=name)
    function.intake.drop(b"text", "notes.txt")
    answer = function.post("/events/drain?seconds=50")
    assert (answer.status_code, answer.json) == (
        200, {"classified": 2, "dead": 1, "pending": 0, "delivered": 0})
    assert function.post("/events/drain").json == {"pending": 0, "delivered": 0}


def test_drain_leaves_something(function: Function) -> None:
    """What is put back is still pending."""
    function.intake.drop()
    function.intake.store.down = True
    assert function.post("/events/drain").json == {"retried": 1, "pending": 1, "delivered": 0}


def test_drain_without_database(function: Function) -> None:
    """Without the database the caller is to try again later."""
    function.intake.inbox.down = True
    assert_problem(function.post("/events/drain"), 503, "unavailable")


def test_sweep(function: Function) -> None:
    """A sweep says what it has found, and finds are worked on at once."""
    function.intake.put()
    answer = function.post("/events/sweep")
    assert answer.status_code == 200
    assert answer.json == {
        "skipped": False, "uploads": 1, "adopted": 1, "differences": {
            "objects_without_row": 0, "rows_without_object": 0, "restored": 0,
            "erased": 0}}
    assert function.woken == 1
    assert function.post("/events/sweep?days=0").json == {
        "skipped": False, "uploads": 1, "adopted": 0, "differences": None}
    assert function.woken == 1


def test_sweep_elsewhere(function: Function) -> None:
    """While another process sweeps, there is nothing to do."""
    function.intake.put()
    with function.lock.attempt():
        answer = function.post("/events/sweep")
    assert (answer.status_code, answer.json) == (200, {"skipped": True})
    assert function.woken == 0


@pytest.mark.parametrize("part", ["inbox", "store"])
def test_sweep_during_an_outage(function: Function, part: str) -> None:
    """Without the database or the store the caller is to try again later."""
    function.intake.put()
    getattr(function.intake, part).down = True
    assert_problem(function.post("/events/sweep"), 503, "unavailable")


@pytest.mark.parametrize(("path", "most"), [("drain?seconds", 50), ("sweep?days", 3660)])
@pytest.mark.parametrize("text", ["-1", "", "1.5", "1e1", "many", " 1", "９", "9" * 20])
def test_numbers(function: Function, path: str, most: int, text: str) -> None:
    """Numbers that cannot be meant are refused before anything is begun."""
    function.intake.drop()
    for sent in (text, str(most + 1)):
        answer = function.post(f"/events/{path}={sent}")
        assert_problem(answer, 422, "invalid-value")
        assert path.partition("?")[2] in answer.text
    assert function.intake.states() == ["pending"]
    assert function.post("/events/drain?seconds=0").status_code == 422


def test_notifications_are_no_form(function: Function) -> None:
    """A media type of forms does not eat the body."""
    answer = function.post(
        "/events/storage", json.dumps(minio(minio_record(KEY))).encode(),
        **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json) == (202, counts(new=1))
