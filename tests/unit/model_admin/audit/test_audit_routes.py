"""GET /api/v1/audit: who did what, when, from where, for administrators."""
from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.audit.routes import create_routes
from model_admin.audit.service import AuditLog
from tests import tokens
from tests.environments import settings
from tests.fakes.audit_log import NOON, InMemoryAuditReader, line

ADMIN, ADA = uuid.uuid4(), uuid.uuid4()


class Function:
    """The route, with the log in memory."""

    def __init__(self) -> None:
        self.log = InMemoryAuditReader()
        app = create_web_app(
            "model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
        app.register_blueprint(create_routes(AuditLog(self.log)))
        self.client: FlaskClient = app.test_client()

    def get(self, roles: tuple[str, ...] = ("admin",), **query: object) -> TestResponse:
        return self.client.get(
            "/api/v1/audit", query_string={name: str(value) for name, value in query.items()},
            headers=tokens.bearer(ADMIN, roles=[*roles]))


@pytest.fixture
def function() -> Function:
    return Function()


def test_line(function: Function) -> None:
    """A line says who did what to what, when and from where, in which request."""
    row = function.log.add(line())
    answer = function.get()
    assert (answer.status_code, answer.json) == (200, {
        "lines": [{
            "audit_id": 1, "at": "2026-01-31T12:00:00Z", "actor": str(row["actor"]),
            "action": "model.activate", "subject": "v1", "detail": {"previous": "v0"},
            "request_id": "request-1", "remote_address": "192.0.2.7"}],
        "limit": 20, "next_cursor": None})


def test_pages(function: Function) -> None:
    """Following the cursors goes through the whole log, newest first, each line once."""
    for number in range(7):
        function.log.add(line(subject=f"v{number}"))
    seen: list[str] = []
    query: dict[str, object] = {"limit": 3}
    while query.get("cursor", "") is not None:
        answer = function.get(**query).json
        seen += [each["subject"] for each in answer["lines"]]
        query["cursor"] = answer["next_cursor"]
    assert seen == [f"v{number}" for number in reversed(range(7))]


def test_filters(function: Function) -> None:
    """The filters reach the log, alone and together."""
    function.log.add(line(actor=ADA))
    function.log.add(line(action="login.refused", at=NOON + timedelta(days=1)))
    for query, count in (
            ({"actor": ADA}, 1), ({"action": "login."}, 1), ({"subject": "v1"}, 2),
            ({"from": "2026-02-01T00:00:00Z"}, 1), ({"to": "2026-02-01"}, 1),
            ({"actor": ADA, "action": "login."}, 0)):
        assert len(function.get(**query).json["lines"]) == count


@pytest.mark.parametrize(("name", "value"), [
    ("actor", "me"), ("action", ""), ("action", "x" * 256), ("subject", "a\0b"),
    ("from", "yesterday"), ("to", "2026-13-01"), ("limit", "0"), ("limit", "101"),
    ("cursor", ""), ("cursor", "0"), ("cursor", "-1"), ("cursor", "9" * 13), ("cursor", "abc")])
def test_malformed(function: Function, name: str, value: str) -> None:
    """What cannot be meant is refused, and named."""
    answer = function.get(**{name: value})
    assert (answer.status_code, answer.json["type"]) == (
        422, "urn:imgclass:problem:invalid-value")
    assert answer.json["detail"].startswith(name)


def test_for_administrators_only(function: Function) -> None:
    """Nobody else may read it."""
    assert function.get(roles=()).status_code == 403
    assert function.client.get("/api/v1/audit").status_code == 401


def test_nothing_is_changed(function: Function) -> None:
    """The log is read, and nothing else."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = function.client.open(
            "/api/v1/audit", method=method, headers=tokens.bearer(ADMIN, roles=["admin"]))
        assert answer.status_code == 405


def test_database_away(function: Function) -> None:
    """While the database is away the answer says when to come back."""
    function.log.down = True
    answer = function.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
