"""/api/v1/webhooks over HTTP."""
from __future__ import annotations

import base64
import logging
import uuid
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.events import EVENT_TYPES, SINK
from common.web import create_web_app
from model_admin.webhooks.repository import MAX_WEBHOOKS
from model_admin.webhooks.routes import create_routes
from model_admin.webhooks.service import Webhooks
from tests import tokens
from tests.environments import settings
from tests.fakes.webhooks import InMemoryWebhooks
from tests.ids import ID
from tests.unit.model_admin.webhooks.test_webhooks_fake import DelivererInMemory

PATH, URL = "/api/v1/webhooks", "https://a.example/hook?token=1"
ADMIN = uuid.uuid4()


class Function:
    """The routes, and what they keep."""

    def __init__(self) -> None:
        self.webhooks = InMemoryWebhooks()
        self.deliverer = DelivererInMemory(self.webhooks)
        app = create_web_app("model-admin", Authenticator(settings()), {}, 10_000,
                             CollectorRegistry())
        app.register_blueprint(create_routes(Webhooks(self.webhooks)))
        self._client = app.test_client()

    def send(
        self, method: str, path: str = "", body: Any = None, roles: tuple[str, ...] = ("admin",)
    ) -> TestResponse:
        """What an administrator is answered."""
        return self._client.open(
            PATH + path, method=method, json=body, headers=tokens.bearer(ADMIN, roles=[*roles]))

    def add(self, url: str = URL) -> dict[str, Any]:
        answer = self.send("POST", body={"url": url})
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.get_json()
        return row


@pytest.fixture
def function() -> Function:
    return Function()


def test_add(function: Function) -> None:
    """A webhook is answered with its secret, and never again."""
    answer = function.send("POST", body={"url": URL, "event_types": [EVENT_TYPES[1]] * 2})
    row = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATH}/{row['webhook_id']}"
    secret = row.pop("secret")
    assert secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) == 32
    assert row == {
        "webhook_id": row["webhook_id"], "url": URL, "event_types": [EVENT_TYPES[1]],
        "created_by": str(ADMIN), "created_at": "2026-01-31T12:00:00Z", "pending": 0, "dead": 0,
        "failures": 0, "problem": None, "paused_until": None}
    assert function.send("GET").get_json() == {"webhooks": [row]}
    assert function.send("GET", f"/{row['webhook_id']}").get_json() == row
    assert function.webhooks.secrets == {uuid.UUID(row["webhook_id"]): secret}


def test_all_types_by_default(function: Function) -> None:
    """Who names no types is told of all; each has a secret of its own."""
    first, second = function.add(), function.add()
    assert first["event_types"] == [*EVENT_TYPES]
    assert first["secret"] != second["secret"]


def test_secrets_are_not_logged(function: Function, caplog: pytest.LogCaptureFixture) -> None:
    """Neither secret nor URL, which may hold one, gets into the log."""
    with caplog.at_level(logging.DEBUG):
        row = function.add()
        function.send("DELETE", f"/{row['webhook_id']}")
    logged = str([vars(each) for each in caplog.records])
    assert row["webhook_id"] in logged
    assert row["secret"] not in logged and URL not in logged


@pytest.mark.parametrize("url", [
    "http://a.example", "https://a.example:8443/hook?x=%20", "http://127.0.0.1:9000/",
    "https://xn--bcher-kva.example/", "http://[2001:db8::1]:80/", "http://under_score.internal./",
    "HTTPS://A.EXAMPLE/", f"https://a.example/{'x' * 2030}"])
def test_possible_urls(function: Function, url: str) -> None:
    """What names a host over HTTP is taken; where it leads is not asked yet."""
    assert function.add(url)["url"] == url


@pytest.mark.parametrize(("url", "detail"), [
    ("", "url must be a text of 1 to 2048 characters."),
    (None, "url must be a text of 1 to 2048 characters."),
    (["https://a.example"], "url must be a text of 1 to 2048 characters."),
    (f"https://a.example/{'x' * 2048}", "url must be a text of 1 to 2048 characters."),
    ("https://bücher.example/", "url must be written in ASCII without spaces: names as xn--, "
                                "the rest as %20."),
    ("https://a.example/a b", "url must be written in ASCII without spaces: names as xn--, "
                              "the rest as %20."),
    ("https://a.example/\n", "url must be written in ASCII without spaces: names as xn--, "
                             "the rest as %20."),
    ("https://[::1", "url is not a valid URL."),
    ("https://a.example:70000/", "url is not a valid URL."),
    ("https://a.example:port/", "url is not a valid URL."),
    ("ftp://a.example/", "url must begin with http:// or https://."),
    ("file:///etc/passwd", "url must begin with http:// or https://."),
    ("//a.example/", "url must begin with http:// or https://."),
    ("a.example", "url must begin with http:// or https://."),
    ("https://user:password@a.example/", "url must not contain a user or a password."),
    ("https://@a.example/", "url must not contain a user or a password."),
    ("https:///path", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://:443/", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://a.example:0/", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://a..example/", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://a\\b.example/", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://a%2eexample/", "url must name a host, and a port from 1 to 65535 if any."),
    ("https://[a.example]/", "url is not a valid URL."),
])
def test_impossible_urls(function: Function, url: Any, detail: str) -> None:
    """What is no address of a web server is refused with the reason."""
    answer = function.send("POST", body={"url": url})
    assert answer.status_code == 422
    # Older Pythons take what is in brackets for a host.
    assert answer.get_json()["detail"] in (
        detail, "url must name a host, and a port from 1 to 65535 if any.")
    assert function.webhooks.webhooks == {}


@pytest.mark.parametrize(("body", "status", "detail"), [
    (None, 400, "Send a JSON object with url and, if not all, event_types."),
    ([URL], 400, "Send a JSON object with url and, if not all, event_types."),
    ({}, 400, "Send a JSON object with url and, if not all, event_types."),
    ({"url": URL, "events": []}, 422, "events is not known; there are url, event_types."),
    ({"url": URL, "secret": "x"}, 422, "secret is not known; there are url, event_types."),
    *[({"url": URL, "event_types": types}, 422,
       f"event_types must be a list of some of {', '.join(EVENT_TYPES)}.")
      for types in ([], None, "imgclass.prediction.created", ["prediction"], [{}], {})],
])
def test_refused(function: Function, body: Any, status: int, detail: str) -> None:
    """A registration that cannot be meant is refused with the reason."""
    answer = function.send("POST", body=body)
    assert (answer.status_code, answer.get_json()["detail"]) == (status, detail)
    assert function.webhooks.webhooks == {}


def test_too_many(function: Function) -> None:
    """There is a limit."""
    for _ in range(MAX_WEBHOOKS):
        function.add()
    answer = function.send("POST", body={"url": URL})
    assert (answer.status_code, answer.get_json()["detail"]) == (
        409, "There are 100 webhooks, and no more are possible.")


def test_remove(function: Function) -> None:
    """A removed webhook is gone, and cannot be removed again."""
    path = f"/{function.add()['webhook_id']}"
    answer = function.send("DELETE", path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert function.send("DELETE", path).status_code == 404
    assert function.send("GET", path).status_code == 404
    assert [action for action, _, _ in function.webhooks.audit] == [
        "webhook.create", "webhook.delete"]


@pytest.mark.parametrize("name", ["webhook", "sink"])
def test_deliveries(function: Function, name: str) -> None:
    """Deliveries are listed by state, page by page; those to the sink as well."""
    webhook_id = function.add()["webhook_id"]
    receiver = "sink" if name == "sink" else webhook_id
    receiver_id = SINK if name == "sink" else uuid.UUID(webhook_id)
    sent = [str(function.deliverer.publish(receiver_id, state="dead")) for _ in range(3)]
    function.deliverer.publish(receiver_id)
    answer = function.send("GET", f"/{receiver}/deliveries?state=dead&page=2&limit=2").get_json()
    assert {name: answer[name] for name in ("total", "page", "limit")} == {
        "total": 3, "page": 2, "limit": 2}
    (row,) = answer["deliveries"]
    assert (row["delivery_id"], row["state"], row["next_attempt_at"], row["given_up_at"]) == (
        sent[0], "dead", None, "2026-01-31T12:00:00Z")
    assert function.send("GET", f"/{receiver}/deliveries").get_json()["total"] == 4


@pytest.mark.parametrize(("parameters", "detail"), [
    ("state=done", "state must be pending or dead."),
    ("page=0", "page must be a whole number from 1 to 1000000."),
    ("limit=101", "limit must be a whole number from 1 to 100."),
    ("limit=ten", "limit must be a whole number from 1 to 100."),
])
def test_bad_parameters(function: Function, parameters: str, detail: str) -> None:
    """Parameters that cannot be meant are refused with the reason."""
    answer = function.send("GET", f"/{function.add()['webhook_id']}/deliveries?{parameters}")
    assert (answer.status_code, answer.get_json()["detail"]) == (422, detail)


def test_retry(function: Function) -> None:
    """One delivery, or all that were given up, can be attempted again."""
    webhook_id = function.add()["webhook_id"]
    first, *rest = [function.deliverer.publish(uuid.UUID(webhook_id), state="dead", attempts=12)
                    for _ in range(3)]
    answer = function.send("POST", f"/{webhook_id}/deliveries/{first}/retry")
    assert answer.status_code == 200
    assert (answer.get_json()["state"], answer.get_json()["attempts"]) == ("pending", 0)
    answer = function.send("POST", f"/{webhook_id}/deliveries/retry")
    assert (answer.status_code, answer.get_json()) == (200, {"retried": 2})
    assert function.send("POST", "/sink/deliveries/retry").get_json() == {"retried": 0}


@pytest.mark.parametrize(("method", "path", "detail"), [
    ("GET", "/{id}", "There is no webhook {id}."),
    ("DELETE", "/{id}", "There is no webhook {id}."),
    ("GET", "/{id}/deliveries", "There is no webhook {id}."),
    ("POST", "/{id}/deliveries/retry", "There is no webhook {id}."),
    ("POST", "/everything/deliveries/retry", "There is no webhook everything."),
    ("POST", "/{id}/deliveries/{id}/retry",
     "There is no delivery {id}; what was delivered is forgotten."),
])
def test_unknown(function: Function, method: str, path: str, detail: str) -> None:
    """What nobody registered is not found."""
    unknown = uuid.uuid4()
    answer = function.send(method, path.format(id=unknown))
    assert (answer.status_code, answer.get_json()["detail"]) == (404, detail.format(id=unknown))


@pytest.mark.parametrize(("method", "path"), [
    ("POST", ""), ("GET", ""), ("GET", f"/{ID}"), ("DELETE", f"/{ID}"),
    ("GET", f"/{ID}/deliveries"), ("GET", "/sink/deliveries"),
    ("POST", f"/{ID}/deliveries/retry"), ("POST", f"/{ID}/deliveries/{ID}/retry")])
def test_for_administrators_only(function: Function, method: str, path: str) -> None:
    """Nobody else may see or change anything."""
    assert function.send(method, path, {"url": URL}, roles=()).status_code == 403
    assert function.webhooks.webhooks == {}


def test_database_away(function: Function) -> None:
    """While the database is away the answer says when to come back."""
    function.webhooks.down = True
    answer = function.send("GET")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
