"""Budgets of requests: who is counted under what, and what the answers say."""
from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from common.auth import MachineToken
from common.rate_limits import RateLimits
from tests import tokens
from tests.environments import settings
from tests.probe import create_probe

USER = uuid.uuid4()


def limited(reading: str = "read", writing: str = "predict", **rates: str) -> Flask:
    """The probe with the budgets of `rates`."""
    limits = RateLimits(
        settings(**{f"RATE_LIMIT_{name.upper()}": rate for name, rate in rates.items()}),
        reading, writing)
    return create_probe(limits=limits, machine_token=MachineToken("the token of machines"))


def ask(
    app: Flask, path: str = "/me/x", user: uuid.UUID | None = USER, method: str = "GET",
    **headers: str,
) -> TestResponse:
    """An answer of the app; `user` None sends no token."""
    token = tokens.bearer(user) if user else {}
    return app.test_client().open(path, method=method, headers={
        **token, **{name.replace("_", "-"): value for name, value in headers.items()}})


def statuses(app: Flask, times: int, *arguments: Any, **options: Any) -> list[int]:
    return [ask(app, *arguments, **options).status_code for _ in range(times)]


def test_budget() -> None:
    """What exceeds the budget is refused with a problem that says when to come again."""
    app = limited(read="3/minute")
    assert statuses(app, 3) == [200] * 3
    answer = ask(app)
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    assert answer.json["type"] == "urn:imgclass:problem:too-many-requests"
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "3 requests in 60 seconds" in answer.json["detail"]


def test_headers() -> None:
    """Every counted answer, good or bad, says what is left; only a refusal says to wait."""
    app = limited(read="3/hour")
    for left, path in ((2, "/me/x"), (1, "/slow/0"), (0, "/me/x")):
        answer = ask(app, path)
        assert answer.headers["RateLimit-Policy"] == '"read";q=3;w=3600'
        assert re.fullmatch(rf'"read";r={left};t=3[56]\d\d', answer.headers["RateLimit"])
        assert "Retry-After" not in answer.headers
    for _ in range(2):
        assert ask(app).headers["RateLimit"].startswith('"read";r=0;t=')
    assert "RateLimit" not in ask(app, "/health").headers


def test_users_are_counted_apart() -> None:
    """One user's requests cost another nothing, even from the same address."""
    app = limited(read="1/minute")
    assert statuses(app, 2) == [200, 429]
    assert statuses(app, 2, user=uuid.uuid4()) == [200, 429]


def test_users_are_counted_wherever_they_are() -> None:
    """Another address gives a user no second budget."""
    app = limited(read="1/minute")
    answers = [ask(app, X_Forwarded_For=f"203.0.113.{number}").status_code for number in range(3)]
    assert answers == [200, 429, 429]


def test_budgets_are_separate() -> None:
    """Who has sent too many pictures may still read, and the other way round."""
    app = limited(read="2/minute", predict="1/minute")
    assert statuses(app, 2, "/unread", method="POST") == [200, 429]
    assert statuses(app, 3) == [200, 200, 429]
    assert statuses(app, 1, "/me/x", method="HEAD") == [429]


@pytest.mark.parametrize(("reading", "writing", "budget"), [
    ("admin", "admin", "admin"), ("read", "read", "read"), ("read", "predict", "predict")])
def test_budgets_of_functions(reading: str, writing: str, budget: str) -> None:
    """Each function names the budgets it takes from."""
    app = limited(reading, writing, admin="7/minute", read="7/minute", predict="7/minute")
    answer = ask(app, "/unread", method="POST")
    assert answer.headers["RateLimit-Policy"] == f'"{budget}";q=7;w=60'


def test_off() -> None:
    """A budget that is off counts nothing."""
    app = limited(read="off", refused="off")
    assert statuses(app, 20) == [200] * 20
    assert statuses(app, 200, user=None) == [401] * 200
    assert "RateLimit" not in ask(app).headers


def test_acting_for_users() -> None:
    """A service takes from the budgets of the users it acts for, not from one for all."""
    app = limited(read="1/minute")
    service = tokens.bearer("service", roles=["service"])
    for _ in range(2):
        user = str(uuid.uuid4())
        assert [ask(app, user=None, **service, X_On_Behalf_Of=user).status_code
                for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "?"}])
def test_refused_by_address(header: dict[str, str]) -> None:
    """Requests without a good token are counted by address; beyond the budget they learn no
    more than that."""
    app = limited(refused="2/minute")
    answers = [ask(app, user=None, X_Forwarded_For="203.0.113.7", **header) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert statuses(app, 1, user=None, X_Forwarded_For="203.0.113.8", **header) == [401]


def test_forged_addresses() -> None:
    """Writing addresses into the header gives nobody a new budget."""
    app = limited(refused="2/minute")
    answers = [ask(app, user=None, X_Forwarded_For=f"198.51.100.{number}, 203.0.113.7").status_code
               for number in range(4)]
    assert answers == [401, 401, 429, 429]


def test_good_tokens_are_let_in_beside_bad_ones() -> None:
    """Nobody is locked out because others from the same address are refused."""
    app = limited(refused="1/minute")
    assert statuses(app, 3, user=None) == [401, 429, 429]
    assert statuses(app, 2) == [200, 200]


def test_machines() -> None:
    """Machines with their token are not counted; those without are, as anybody."""
    app = limited(predict="1/minute", refused="1/minute")
    good = {"Authorization": "Bearer the token of machines"}
    assert statuses(app, 5, "/events/probe", None, "POST", **good) == [200] * 5
    assert statuses(app, 2, "/events/probe", None, "POST") == [401, 429]


def test_public_paths_are_not_counted() -> None:
    """Probes and scrapes are answered however often they come."""
    app = limited(read="1/minute", refused="1/minute")
    for path in ("/health", "/_/health", "/_/ready", "/metrics"):
        assert statuses(app, 5, path, None) == [200] * 5


def test_counted_before_anything_is_read() -> None:
    """A refused request costs no look at its body."""
    app = limited(predict="1/minute")
    assert statuses(app, 1, "/unread", method="POST") == [200]
    answer = ask(app, "/body", method="POST", Content_Encoding="gzip")
    assert answer.status_code == 429
