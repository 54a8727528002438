"""/api/v1/events over HTTP."""
from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.events.repository import Row
from model_admin.events.routes import FAULTS, STATES, create_routes
from model_admin.events.service import StorageEvents
from tests import tokens
from tests.environments import settings
from tests.fakes.events import LISTED, NOON, InMemoryEvents, dead, erased, event
from tests.fakes.storage import InMemoryObjectStore
from tests.ids import ID

PATH = "/api/v1/events"
ADMIN = uuid.uuid4()


class Function:
    """The routes, with everything behind them in memory."""

    def __init__(self) -> None:
        self.events = InMemoryEvents()
        self.store = InMemoryObjectStore()
        app = create_web_app(
            "model-admin", Authenticator(settings()), {}, 10_000, CollectorRegistry())
        app.register_blueprint(create_routes(StorageEvents(self.events, self.store)))
        self._client = app.test_client()

    def add(self, row: Row) -> Row:
        """Store an event; a classified one gets its rows."""
        self.events.rows[row["event_id"]] = row
        if row["state"] in ("classified", "done"):
            row["prediction_id"] = self.events.images[row["event_id"]] = uuid.uuid4()
        return row

    def put(self, row: Row, data: bytes = b"picture") -> Row:
        """Put an event's object into the bucket."""
        self.store.put(row["object_key"], data, "image/jpeg")
        (lying,) = self.store.list(row["object_key"])
        row.update(etag=lying.etag, object_modified=lying.modified.replace(microsecond=0))
        return row

    def get(self, path: str = "", **parameters: Any) -> TestResponse:
        """What an administrator is shown."""
        return self._client.get(
            PATH + path, query_string=parameters, headers=tokens.bearer(ADMIN, roles=["admin"]))

    def post(self, path: str, body: Any = None) -> TestResponse:
        """What an administrator is answered."""
        return self._client.post(
            PATH + path, json=body, headers=tokens.bearer(ADMIN, roles=["admin"]))

    def send(self, method: str, path: str, **headers: str) -> TestResponse:
        """What somebody else is answered."""
        return self._client.open(PATH + path, method=method, json={}, headers=headers)


@pytest.fixture
def function() -> Function:
    return Function()


def ids(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return [row["event_id"] for row in answer.json["events"]]


def test_list(function: Function) -> None:
    """Events are listed, newest first, with what became of them."""
    old = function.add(dead("too_large", reason="The picture has 99 megapixels."))
    new = function.add(event(received_at=NOON + timedelta(seconds=1)))
    answer = function.get()
    assert (answer.status_code, list(answer.json)) == (200, ["events", "limit", "next_cursor"])
    assert ids(answer) == [str(new["event_id"]), str(old["event_id"])]
    assert (answer.json["limit"], answer.json["next_cursor"]) == (20, None)
    assert answer.json["events"][1] == {
        "event_id": str(old["event_id"]), "object_key": old["object_key"], "size_bytes": 1000,
        "user_id": str(old["user_id"]), "announced_by": "notification", "state": "dead",
        "fault": "too_large", "reason": "The picture has 99 megapixels.", "attempts": 8,
        "received_at": "2026-01-31T12:00:00Z", "finished_at": "2026-01-31T13:00:00Z"}
    assert tuple(answer.json["events"][0]) == LISTED


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages(function: Function, limit: int) -> None:
    """Following next_cursor shows every event once, and ends."""
    rows = [function.add(event(received_at=NOON + timedelta(seconds=number // 2)))
            for number in range(7)]
    seen, cursor = [], {}
    while True:
        answer = function.get(limit=limit, **cursor)
        seen += ids(answer)
        assert len(ids(answer)) <= limit
        if answer.json["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
    rows.sort(key=lambda row: (row["received_at"], row["event_id"]), reverse=True)
    assert seen == [str(row["event_id"]) for row in rows]


def test_filters(function: Function) -> None:
    """State, fault and owner narrow the list."""
    gone, huge = function.add(dead("gone")), function.add(dead("too_large"))
    waiting = function.add(event())
    assert ids(function.get(state="pending")) == [str(waiting["event_id"])]
    assert ids(function.get(state="dead", fault="gone")) == [str(gone["event_id"])]
    assert ids(function.get(user_id=huge["user_id"])) == [str(huge["event_id"])]
    for state in STATES:
        assert function.get(state=state).status_code == 200
    for fault in FAULTS:
        assert function.get(fault=fault).status_code == 200


@pytest.mark.parametrize(("name", "value"), [
    ("state", "lost"), ("state", ""), ("fault", "pending"), ("user_id", "ada"), ("limit", "0"),
    ("limit", "101"), ("limit", "many"), ("cursor", "x"), ("cursor", "é"),
    ("cursor", base64.urlsafe_b64encode(b"2026-01-31 7").decode())])
def test_malformed_parameters(function: Function, name: str, value: str) -> None:
    """What means nothing is named."""
    answer = function.get(**{name: value})
    assert answer.status_code == 422
    assert answer.json["detail"].startswith(name)


def test_show(function: Function) -> None:
    """An event is shown with all that is known of it."""
    row = function.add(event(sequencer="18A", version_id="v1"))
    answer = function.get(f"/{row['event_id']}")
    assert answer.status_code == 200
    assert set(answer.json) == set(row)
    assert (answer.json["sequencer"], answer.json["version_id"]) == ("18A", "v1")
    missing = uuid.uuid4()
    assert function.get(f"/{missing}").json["detail"] == f"There is no event {missing}."
    assert function.get("/everything").status_code == 404


def test_retry(function: Function) -> None:
    """A dead event is worked on again, and the answer is how it stands now."""
    row = function.add(dead())
    answer = function.post(f"/{row['event_id']}/retry")
    assert (answer.status_code, answer.json["state"], answer.json["attempts"]) == (
        200, "pending", 0)
    ((action, subject, _),) = function.events.audit
    assert (action, subject) == ("event.retry", str(row["event_id"]))


@pytest.mark.parametrize("state", ["pending", "classified", "done", "superseded"])
def test_retry_of_one_that_is_not_dead(function: Function, state: str) -> None:
    """Only a dead event can be retried."""
    row = function.add(event(state=state))
    answer = function.post(f"/{row['event_id']}/retry")
    assert (answer.status_code, answer.json["detail"]) == (
        409, f"The event is {state}; only a dead one can be retried.")


def test_retry_beside_another_event(function: Function) -> None:
    """While another event of its object is worked on, a dead one has to wait."""
    row = function.add(dead())
    function.add(event(object_key=row["object_key"], etag=row["etag"]))
    answer = function.post(f"/{row['event_id']}/retry")
    assert (answer.status_code, answer.json["detail"]) == (
        409, "Another event of the same object is being worked on.")


def test_retry_of_nothing(function: Function) -> None:
    """An event that never was is not found."""
    assert function.post(f"/{uuid.uuid4()}/retry").status_code == 404


def test_retry_many(function: Function) -> None:
    """Dead events are retried as chosen, and the answer says how many."""
    rows = [function.add(dead(fault)) for fault in ("gone", "exhausted", "exhausted")]
    answer = function.post("/retry", {"fault": "exhausted", "limit": 1})
    assert (answer.status_code, answer.json) == (200, {"retried": 1})
    chosen = {"user_id": str(rows[0]["user_id"]), "fault": None}
    assert function.post("/retry", chosen).json == {"retried": 1}
    assert function.post("/retry", {}).json == {"retried": 1}
    assert function.post("/retry", {}).json == {"retried": 0}
    assert len(function.events.audit) == 3


@pytest.mark.parametrize(("body", "status", "detail"), [
    (None, 400, "Send a JSON object; fault, user_id and limit narrow the choice."),
    ([], 400, "Send a JSON object; fault, user_id and limit narrow the choice."),
    ({"faults": "gone"}, 422, "faults is not known; there are fault, user_id, limit."),
    ({"fault": "dead"}, 422,
     "fault must be gone, not_a_picture, too_large, unknown_user or exhausted."),
    ({"fault": ["gone"]}, 422,
     "fault must be gone, not_a_picture, too_large, unknown_user or exhausted."),
    ({"user_id": 7}, 422, "user_id must be a UUID."),
    ({"limit": 0}, 422, "limit must be a whole number from 1 to 1000000."),
    ({"limit": True}, 422, "limit must be a whole number from 1 to 1000000."),
    ({"limit": "5"}, 422, "limit must be a whole number from 1 to 1000000."),
])
def test_malformed_retry(function: Function, body: Any, status: int, detail: str) -> None:
    """A choice that is not understood retries nothing."""
    row = function.add(dead())
    answer = function.post("/retry", body)
    assert (answer.status_code, answer.json["detail"]) == (status, detail)
    assert row["state"] == "dead"


def test_completeness(function: Function) -> None:
    """Every object ever seen is counted once, by what became of it."""
    for state in ("classified", "done", "done", "superseded", "pending", "pending"):
        function.add(event(state=state))
    for fault in FAULTS:
        function.add(dead(fault))
    function.put(event())
    for _ in range(4):
        function.add(erased())
    answer = function.get("/completeness")
    assert (answer.status_code, answer.json) == (200, {
        "seen": 16, "classified": 3, "superseded": 1, "pending": 2, "dead": 5, "erased": 4,
        "unannounced": 1, "uploads": 1, "adds_up": True, "differences": {}, "complete": False})


def test_complete(function: Function) -> None:
    """Kept uploads whose events are closed are accounted for; a folder is no object."""
    for state in ("done", "superseded"):
        function.add(function.put(event(state=state)))
    function.add(function.put(dead("not_a_picture")))
    function.store.put("uploads/folder/", b"", "application/x-directory")
    function.store.put("2026/01/31/picture.jpg", b"picture", "image/jpeg")
    report = function.get("/completeness").json
    assert (report["uploads"], report["unannounced"], report["complete"]) == (3, 0, True)
    assert (report["seen"], report["dead"], report["adds_up"]) == (3, 1, True)


@pytest.mark.parametrize("state", ["pending", "classified"])
def test_incomplete(function: Function, state: str) -> None:
    """What is pending is still to be done; removing an upload is not."""
    function.add(function.put(event(state=state)))
    report = function.get("/completeness").json
    assert (report["complete"], report["adds_up"]) == (state == "classified", True)


def test_differences(function: Function) -> None:
    """What does not add up is named."""
    lost, emptied = function.add(event(state="done")), function.add(event(state="classified"))
    del function.events.images[lost["event_id"]]
    function.events.images[emptied["event_id"]] = None
    report = function.get("/completeness").json
    assert (report["adds_up"], report["complete"], report["differences"]) == (
        False, True, {"classified_without_image": 1, "classified_without_prediction": 1})


def test_many_objects(function: Function) -> None:
    """A bucket of any size is held against the events, each object once."""
    known = [function.add(function.put(event(state="done"))) for _ in range(3)]
    for number in range(2500):
        function.store.put(f"uploads/{number}", b"picture", "image/jpeg")
    report = function.get("/completeness").json
    assert (report["uploads"], report["unannounced"]) == (2500 + len(known), 2500)


@pytest.mark.parametrize(("method", "path"), [
    ("GET", ""), ("GET", f"/{ID}"), ("GET", "/completeness"), ("POST", f"/{ID}/retry"),
    ("POST", "/retry")])
def test_for_administrators_only(function: Function, method: str, path: str) -> None:
    """Nobody else may see or retry anything."""
    row = function.add(dead())
    assert function.send(method, path, **tokens.bearer(ADMIN)).status_code == 403
    assert function.send(method, path).status_code == 401
    assert row["state"] == "dead"


@pytest.mark.parametrize("path", ["", f"/{ID}", "/completeness"])
def test_database_away(function: Function, path: str) -> None:
    """While the database is away the answer says when to come back."""
    function.put(event())
    function.events.down = True
    answer = function.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_store_away(function: Function) -> None:
    """A bucket that cannot be listed is not taken for an empty one."""
    function.store.down = True
    assert function.get("/completeness").status_code == 503
