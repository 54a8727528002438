"""Refused requests in the audit log: who, what, from where, why; and never too many lines."""
from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from common.refusals import MAX_CALLERS, RefusalLog
from common.web import principal
from tests import tokens
from tests.fakes.audit import InMemoryTrail
from tests.probe import create_probe

USER = uuid.uuid4()


class Door:
    """An application with a route for everybody who has a token, and one for administrators."""

    def __init__(self, window_seconds: float = 3600) -> None:
        self.trail = InMemoryTrail()
        self.refusals = RefusalLog(self.trail, window_seconds)
        app: Flask = create_probe()

        @app.get("/things/<thing>")
        def show(thing: str) -> str:
            return thing

        @app.delete("/things/<thing>")
        def remove(thing: str) -> str:
            principal().require_admin()
            return thing

        self.refusals.install(app)
        self.client: FlaskClient = app.test_client()

    def knock(
        self, method: str = "GET", address: str = "192.0.2.7", path: str = "/things/7",
        **headers: str,
    ) -> int:
        return self.client.open(
            path, method=method, environ_base={"REMOTE_ADDR": address},
            headers=headers).status_code

    def lines(self) -> list[tuple[Any, ...]]:
        self.refusals.flush()
        return self.trail.lines


@pytest.fixture
def door() -> Door:
    return Door()


def test_no_token(door: Door) -> None:
    """Who came without a token is written down: from where, for what, when, and why not."""
    assert door.knock(**{"X-Request-Id": "mine"}) == 401
    ((origin, action, subject, detail),) = door.lines()
    assert (action, subject) == ("login.refused", "GET /things/<thing>")
    assert (origin.actor, origin.request_id, origin.remote_address) == (
        None, "mine", "192.0.2.7")
    assert detail.pop("first_at").startswith("20")
    assert detail == {
        "count": 1, "reasons": {"Send a token: Authorization: Bearer <JWT>.": 1},
        "routes": ["GET /things/<thing>"]}


def test_good_requests(door: Door) -> None:
    """What is let in, or never was anybody's business, is not written down."""
    assert door.knock(**tokens.bearer(USER)) == 200
    assert door.knock(path="/nowhere") == 404
    assert door.lines() == []


def test_whom_a_token_claims_to_be_of(door: Door) -> None:
    """Of a token that is not believed, it is told whom it names."""
    for token in (tokens.hs256(USER, exp=1), tokens.hs256(USER, secret="x" * 40),
                  tokens.unsigned(USER)):
        assert door.knock(Authorization=f"Bearer {token}") == 401
    ((origin, _, _, detail),) = door.lines()
    assert origin.actor is None
    assert detail["claims_to_be"] == [str(USER)]
    assert detail["count"] == sum(detail["reasons"].values()) == 3
    assert "The token has expired." in detail["reasons"]


@pytest.mark.parametrize("token", [
    "x", "a.b.c", tokens.raw({"alg": "HS256"}, b"\xff"), tokens.raw({"alg": "HS256"}, []),
    tokens.raw({"alg": "HS256"}, {"iss": "x"}),
    tokens.raw({"alg": "HS256"}, {"iss": 1, "sub": ""}),
    tokens.raw({"alg": "HS256"}, {"iss": "x", "sub": "\ud800"}), "y" * 10_000,
    tokens.raw(b"[" * 3000, b"[" * 3000)])
def test_hostile_tokens(door: Door, token: str) -> None:
    """Whatever a token is, it is refused as always, and written down without what it holds."""
    assert door.knock(Authorization=f"Bearer {token}") == 401
    ((_, _, _, detail),) = door.lines()
    assert "claims_to_be" not in detail
    assert len(str(detail)) < 500


def test_forbidden(door: Door) -> None:
    """A user who tries what is for administrators is named."""
    assert door.knock("DELETE", **tokens.bearer(USER)) == 403
    ((origin, action, subject, detail),) = door.lines()
    assert (origin.actor, action, subject) == (
        USER, "access.refused", "DELETE /things/<thing>")
    assert detail["reasons"] == {"This needs a token with the role admin.": 1}


def test_one_line_for_each_caller(door: Door) -> None:
    """However often somebody tries, in a window there is one line, with the count."""
    for number in range(50):
        door.knock(address=f"192.0.2.{number % 2}")
        door.knock("DELETE", address="192.0.2.9", **tokens.bearer(uuid.UUID(int=number % 3)))
    lines = door.lines()
    assert sorted((line[1], line[0].remote_address, line[3]["count"]) for line in lines) == [
        ("access.refused", "192.0.2.9", 16), ("access.refused", "192.0.2.9", 17),
        ("access.refused", "192.0.2.9", 17), ("login.refused", "192.0.2.0", 25),
        ("login.refused", "192.0.2.1", 25)]
    door.knock()
    assert len(door.lines()) == 6


def test_networks(door: Door) -> None:
    """Whoever has a network of IPv6 is one caller, whatever address the requests come from."""
    for number in range(10):
        door.knock(address=f"2001:db8:0:1::{number:x}")
    door.knock(address="2001:db8:0:2::1")
    assert [line[0].remote_address for line in door.lines()] == [
        "2001:db8:0:1::/64", "2001:db8:0:2::/64"]


def test_flood(door: Door) -> None:
    """From however many addresses they come, the lines of a window are bounded."""
    for number in range(3 * MAX_CALLERS):
        door.knock(address=f"10.0.{number // 256}.{number % 256}")
    lines = door.lines()
    assert len(lines) == MAX_CALLERS + 1
    assert sum(line[3]["count"] for line in lines) == 3 * MAX_CALLERS
    assert lines[-1][0].remote_address is None


def test_details_are_bounded(door: Door) -> None:
    """A caller who tries many names is one line of a bounded length."""
    for number in range(100):
        door.knock(Authorization=f"Bearer {tokens.unsigned(uuid.UUID(int=number))}")
    ((_, _, _, detail),) = door.lines()
    assert (detail["count"], len(detail["claims_to_be"])) == (100, 5)


def test_database_away(door: Door) -> None:
    """What cannot be written now is written later; nothing is refused or let in for that."""
    door.trail.down = True
    assert door.knock() == 401
    assert door.lines() == []
    assert door.knock(address="192.0.2.8") == 401
    door.trail.down = False
    assert {line[0].remote_address for line in door.lines()} == {"192.0.2.7", "192.0.2.8"}
    assert len(door.lines()) == 2


def test_many_at_once(door: Door) -> None:
    """Threads that refuse at the same moment forget nothing."""
    def knock(_number: int) -> None:
        for _ in range(25):
            door.knock()
            door.refusals.flush()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(knock, range(4)))
    assert sum(line[3]["count"] for line in door.lines()) == 100


def test_written_by_itself() -> None:
    """Lines are written once in a window, without anybody asking."""
    door = Door(window_seconds=0.01)
    door.refusals.start()
    door.knock()
    deadline = time.monotonic() + 20
    while not door.trail.lines:
        assert time.monotonic() < deadline
        time.sleep(0.01)
