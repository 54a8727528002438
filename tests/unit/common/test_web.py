"""The application every function starts from: request ids, authentication, readiness."""
from __future__ import annotations

import logging
import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from flask import Flask, request

from common.auth import MachineToken
from common.errors import DatabaseUnavailable, StoreUnavailable
from common.serving import PUBLIC_PATHS
from tests import tokens
from tests.ids import ID
from tests.probe import create_probe

HEX = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def app() -> Flask:
    return create_probe()


@pytest.mark.parametrize("name", ["X-Request-Id", "X-Call-Id"])
@pytest.mark.parametrize("sent", ["abc", "A.b_c-9", "x" * 128, str(ID)])
def test_request_id_is_kept(app: Flask, name: str, sent: str) -> None:
    """The id a client or a gateway gave the request comes back on the answer."""
    answer = app.test_client().get("/health", headers={name: sent})
    assert answer.headers["X-Request-Id"] == sent


def test_request_id_before_call_id(app: Flask) -> None:
    """Of both headers the client's own counts."""
    answer = app.test_client().get("/health", headers={"X-Request-Id": "a", "X-Call-Id": "b"})
    assert answer.headers["X-Request-Id"] == "a"


@pytest.mark.parametrize("sent", [
    None, "", "x" * 129, "a b", "a\tb", "<script>", "a;b", "ä", "a/b", '"a"', "{}"])
def test_request_id_is_made(app: Flask, sent: str | None) -> None:
    """Without an id, or with one unfit for logs and headers, the request gets a fresh one."""
    headers = {} if sent is None else {"X-Request-Id": sent}
    ids = {app.test_client().get("/health", headers=headers).headers["X-Request-Id"]
           for _ in range(2)}
    assert len(ids) == 2
    assert all(HEX.fullmatch(made) for made in ids)


@pytest.mark.parametrize("sent", ["a\nb", "a\n", "a\r\nX-Evil: 1"])
def test_request_id_with_a_line_break(app: Flask, sent: str) -> None:
    """A line break, however it got past the server, cannot split a header or a log line."""
    answer = app.test_client().get("/health", environ_overrides={"HTTP_X_REQUEST_ID": sent})
    assert HEX.fullmatch(answer.headers["X-Request-Id"])


def test_request_id_of_errors(app: Flask) -> None:
    """A refused request keeps its id, in the header and in the problem."""
    answer = app.test_client().get("/me/x", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 401
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "mine"


def test_every_route_needs_a_token(app: Flask) -> None:
    """Every route but those of health and metrics is closed, for every method it has."""
    client = app.test_client()
    closed = 0
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<path:rest>", "x").replace("<int:milliseconds>", "0")
        for method in rule.methods or ():
            status = client.open(path, method=method).status_code
            assert (status == 401) != (rule.rule in PUBLIC_PATHS), (method, path, status)
            closed += status == 401
    assert closed >= 10


def test_a_new_route_is_closed_by_default(app: Flask) -> None:
    """Whoever adds a route and forgets authentication has not opened it."""
    app.add_url_rule("/forgotten", view_func=lambda: "secret")
    assert app.test_client().get("/forgotten").status_code == 401
    answer = app.test_client().get("/forgotten", headers=tokens.bearer("user"))
    assert (answer.status_code, answer.text) == (200, "secret")


@pytest.mark.parametrize("path", [
    "//health", "/health/", "/_/health/../me/x", "/me/health", "/me//health", "/me/x/_/ready",
    "/me/x;/health", "/me/%2e%2e/health", "/Me/x"])
def test_paths_that_resemble_public_ones(app: Flask, path: str) -> None:
    """Nothing is opened by a path that only looks like one of the public ones."""
    assert app.test_client().get(path).status_code in (401, 404)


def test_authentication_before_parsing(app: Flask) -> None:
    """Who has no token learns nothing about what would be wrong with the request."""
    answer = app.test_client().post("/body", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 401


def test_principal_of_the_request(app: Flask) -> None:
    """A route finds its caller, request by request."""
    for user in (uuid.uuid4(), uuid.uuid4()):
        answer = app.test_client().get("/me/x", headers=tokens.bearer(user))
        assert answer.json["user_id"] == str(user)


@pytest.mark.parametrize("path", ["/health", "/_/health"])
def test_health(path: str) -> None:
    """A function is alive as soon as it answers, whatever else is down."""
    def check() -> None:
        raise DatabaseUnavailable()

    answer = create_probe({"database": check}).test_client().get(path)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready() -> None:
    """A function is ready once every part it needs answers."""
    calls: list[str] = []
    checks = {"database": lambda: calls.append("d"), "object store": lambda: calls.append("o")}
    answer = create_probe(checks).test_client().get("/_/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})
    assert calls == ["d", "o"]


def test_not_ready_lists_what_is_missing() -> None:
    """Every part that does not answer is named, not only the first."""
    def database() -> None:
        raise DatabaseUnavailable()

    def store() -> None:
        raise StoreUnavailable("No answer from the bucket.")

    checks = {"database": database, "model": lambda: None, "object store": store}
    answer = create_probe(checks).test_client().get("/_/ready")
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert "database: The database does not answer." in answer.json["detail"]
    assert "object store: No answer from the bucket." in answer.json["detail"]
    assert "model" not in answer.json["detail"]


def test_not_ready_is_explained_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what the driver said, in one record for each part; the client is not told."""
    def database() -> None:
        raise DatabaseUnavailable() from OSError('password authentication failed for user "ada"')

    answer = create_probe({"database": database}).test_client().get("/_/ready")
    assert "password" not in answer.text
    assert ('not ready: database: password authentication failed for user "ada"'
            in [record.getMessage() for record in caplog.records])


def test_json(app: Flask) -> None:
    """Fields keep the order they are written in; times are ISO 8601 in UTC."""
    berlin = datetime(2026, 7, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    app.add_url_rule("/json", view_func=lambda: {"b": berlin, "a": uuid.UUID(int=1)})
    answer = app.test_client().get("/json", headers=tokens.bearer("user"))
    assert answer.text.replace(" ", "").strip() == (
        '{"b":"2026-07-01T10:30:00Z","a":"00000000-0000-0000-0000-000000000001"}')


def test_json_that_is_nested_too_deeply(app: Flask) -> None:
    """A body that no parser can follow is like any other that is not JSON."""
    def view() -> dict[str, bool]:
        return {"json": request.get_json(silent=True) is not None}

    app.add_url_rule("/json-body", view_func=view, methods=["POST"])
    for body, read in ((b"{}", True), (b"{", False), (b"[" * 50_000, False)):
        answer = app.test_client().post(
            "/json-body", data=body, content_type="application/json",
            headers=tokens.bearer("user"))
        assert (answer.status_code, answer.json) == (200, {"json": read})


def test_answers_are_not_sniffed(app: Flask) -> None:
    """Browsers must believe the media type of every answer."""
    for path in ("/health", "/nowhere", "/me/x"):
        answer = app.test_client().get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_requests_are_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each request says who asked for what and what came of it."""
    user = uuid.uuid4()
    with caplog.at_level(logging.INFO, "common.request_log"):
        app.test_client().get("/me/x?token=hidden", headers=tokens.bearer(user))
        app.test_client().get("/nowhere")
        app.test_client().get("/health")
    first, second = (vars(record) for record in caplog.records)
    assert (first["method"], first["path"], first["status"]) == ("GET", "/me/x", 200)
    assert first["user_id"] == str(user)
    assert 0 <= first["duration_ms"] < 10_000
    assert (second["path"], second["status"], second["user_id"]) == ("/nowhere", 404, None)


def test_services_are_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """What a service does for a user is the user's request, and its line names both."""
    user, service = uuid.uuid4(), uuid.uuid4()
    headers = {**tokens.bearer(service, roles=["service"]), "X-On-Behalf-Of": str(user)}
    with caplog.at_level(logging.INFO, "common.request_log"):
        answer = app.test_client().get("/me/x", headers=headers)
        app.test_client().get("/me/x", headers=tokens.bearer(user))
    assert answer.json["user_id"] == str(user)
    first, second = (vars(record) for record in caplog.records)
    assert (first["user_id"], first["service_id"]) == (str(user), str(service))
    assert "service_id" not in second


def test_nobody_else_acts_for_users(app: Flask) -> None:
    """The header of services is refused from others, and not passed over in silence."""
    headers = {**tokens.bearer(uuid.uuid4(), roles=["admin"]), "X-On-Behalf-Of": "somebody"}
    answer = app.test_client().get("/me/x", headers=headers)
    assert (answer.status_code, answer.json["type"]) == (403, "urn:imgclass:problem:forbidden")


@pytest.mark.parametrize(("sent", "status"), [
    ("Bearer the token of machines", 200), ("bearer the token of machines", 200),
    ("Bearer the token of machinez", 401), ("Bearer", 401), ("Bearer ", 401), (None, 401),
    ("the token of machines", 401), ("Basic the token of machines", 401), ("Bearer \xe4", 401),
    (tokens.bearer("user")["Authorization"], 401)])
def test_machine_paths(sent: str | None, status: int) -> None:
    """Below /events/ the machine's own token counts, and no user's."""
    app = create_probe(machine_token=MachineToken("the token of machines"))
    headers = {} if sent is None else {"Authorization": sent}
    assert app.test_client().post("/events/probe", headers=headers).status_code == status


@pytest.mark.parametrize("sent", ["Bearer", "Bearer ", "Bearer x"])
def test_no_machine_token(app: Flask, sent: str) -> None:
    """Where no token is configured, no machine gets in, not even one without a token."""
    answer = app.test_client().post("/events/probe", headers={"Authorization": sent})
    assert answer.status_code == 401


def test_machine_token_opens_nothing_else() -> None:
    """A machine is no user."""
    app = create_probe(machine_token=MachineToken("the token of machines"))
    headers = {"Authorization": "Bearer the token of machines"}
    assert app.test_client().get("/me/x", headers=headers).status_code == 401
