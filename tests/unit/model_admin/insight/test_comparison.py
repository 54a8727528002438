"""GET /api/v1/models/{version}/comparison: what it reports, to whom, and what it refuses."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.insight.routes import create_routes
from model_admin.insight.service import VersionComparison
from tests import tokens
from tests.environments import settings
from tests.fakes.comparisons import Given, InMemoryComparisonReader

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
ADMIN = uuid.uuid4()


@pytest.fixture
def reader() -> InMemoryComparisonReader:
    return InMemoryComparisonReader("v1", "v2")


@pytest.fixture
def function(reader: InMemoryComparisonReader) -> Flask:
    app = create_web_app("model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
    app.register_blueprint(create_routes(VersionComparison(reader)))
    return app


def ask(function: Flask, path: str = "v1/comparison?with=v2", **claims: Any) -> TestResponse:
    """What an administrator is answered, or somebody with other `claims`."""
    headers = tokens.bearer(ADMIN, **{"roles": ["admin"], **claims})
    return function.test_client().get(f"/api/v1/models/{path}", headers=headers)


def shadowed(
    reader: InMemoryComparisonReader, picture: int, old: str, new: str, **changes: Any
) -> None:
    """An answer of v1 with that of its shadow, v2, beside it."""
    live = Given("v1", picture, NOON, old, 0.75, 12)
    shadow = Given("v2", picture, NOON, new, 0.5, 7, "shadow", live)
    reader.answers += [live, shadow]


def test_report(function: Flask, reader: InMemoryComparisonReader) -> None:
    """The report has the documented fields, with figures that can be worked out by hand."""
    for picture, (old, new) in enumerate(
            [("cup", "cup"), ("cup", "espresso"), ("cup", "espresso"), ("tabby", "cup")]):
        shadowed(reader, picture, old, new)
    report = ask(function).json
    distributions = report.pop("distributions")
    assert report == {
        "version": "v1", "with": "v2", "basis": "all", "from": None, "to": None,
        "pictures": 4, "agreed": 1, "agreement_rate": 0.25,
        "class_changes": [{"old": "cup", "new": "espresso", "pictures": 2},
                          {"old": "tabby", "new": "cup", "pictures": 1}]}
    old, new = distributions
    assert [each["version"] for each in distributions] == ["v1", "v2"]
    assert old["by_kind"] == {"live": 4, "shadow": 0, "backfill": 0}
    assert new["by_kind"] == {"live": 0, "shadow": 4, "backfill": 0}
    assert (old["answers"], old["confidence"]["mean"]) == (4, 0.75)
    assert {name: new["latency_ms"][name] for name in ("p50", "p95", "p99")} == {
        "p50": 7, "p95": 7, "p99": 7}


def test_histograms(function: Flask, reader: InMemoryComparisonReader) -> None:
    """Bins name their edges; the last one of latency is open, that of confidence holds 1."""
    reader.answers = [Given("v1", number, NOON, "cup", confidence, ms) for number, (
        confidence, ms) in enumerate([(0.0, 0), (0.3, 1), (0.999, 4999), (1.0, 5000)])]
    old, new = ask(function, "v1/comparison?with=v2&basis=canary").json["distributions"]
    confidences, latencies = old["confidence"]["histogram"], old["latency_ms"]["histogram"]
    assert [each["count"] for each in confidences] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert [each["from"] for each in confidences] == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert confidences[-1] == {"from": 0.9, "to": 1.0, "count": 2}
    assert [(each["from"], each["to"]) for each in latencies if each["count"]] == [
        (0, 1), (1, 2), (2000, 5000), (5000, None)]
    assert [each["to"] for each in latencies[:-1]] == [each["from"] for each in latencies[1:]]
    assert [len(new["confidence"]["histogram"]), len(new["latency_ms"]["histogram"])] == [
        len(confidences), len(latencies)]


def test_nothing_to_compare(function: Flask) -> None:
    """Without answers there is no rate, no mean and no percentile, and every count is 0."""
    report = ask(function).json
    assert (report["pictures"], report["agreement_rate"], report["class_changes"]) == (0, None, [])
    for each in report["distributions"]:
        assert (each["answers"], each["confidence"]["mean"]) == (0, None)
        assert [each["latency_ms"][name] for name in ("p50", "p95", "p99")] == [None] * 3
        assert not any(bin["count"] for bin in (
            *each["confidence"]["histogram"], *each["latency_ms"]["histogram"]))


def test_parameters(function: Flask, reader: InMemoryComparisonReader) -> None:
    """Basis, times and the number of changes narrow the report, which repeats them."""
    for picture, new in enumerate(["a", "b", "c"]):
        shadowed(reader, picture, "cup", new)
    reader.answers.append(Given("v1", 9, NOON + timedelta(hours=1), "cup", 0.5, 1))
    path = ("v1/comparison?with=v2&basis=canary&changes=2"
            "&from=2026-01-31T13:00:00%2B01:00&to=2026-01-31T13:00:00")
    report = ask(function, path).json
    assert (report["basis"], report["from"], report["to"]) == (
        "canary", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z")
    assert [each["answers"] for each in report["distributions"]] == [3, 0]
    report = ask(function, path.replace("canary", "shadow")).json
    assert len(report["class_changes"]) == 2


@pytest.mark.parametrize(("query", "status", "words"), [
    ("", 400, "with"), ("with=", 400, "with"),
    ("with=v1", 422, "another version"),
    ("with=v2&basis=live", 422, "basis"), ("with=v2&basis=", 422, "basis"),
    ("with=v2&changes=0", 422, "changes"), ("with=v2&changes=51", 422, "changes"),
    ("with=v2&changes=+1", 422, "changes"), ("with=v2&changes=", 422, "changes"),
    ("with=v2&from=yesterday", 422, "from"), ("with=v2&to=", 422, "to"),
    ("with=v2&to=0001-01-01T00:00:00%2B01:00", 422, "to"),
    ("with=v2&from=2026-01-02&to=2026-01-01", 422, "to must not be before from"),
    ("with=%00", 422, "with"), (f"with={'v' * 256}", 422, "with"),
    ("with=v3", 404, "v3"),
])
def test_refused(function: Flask, query: str, status: int, words: str) -> None:
    """What cannot be meant is refused with the parameter's name."""
    answer = ask(function, f"v1/comparison?{query}")
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert words in answer.json["detail"]


def test_unknown_version(function: Flask) -> None:
    """A version that was never registered is not found, on either side."""
    assert ask(function, "v0/comparison?with=v2").json["detail"] == (
        "There is no model version v0.")


@pytest.mark.parametrize("roles", [[], ["user"]], ids=str)
def test_needs_an_administrator(function: Flask, roles: list[str]) -> None:
    """Only administrators see it, and others do not learn which versions there are."""
    for path in ("v1/comparison?with=v2", "v0/comparison?with=v2"):
        assert ask(function, path, roles=roles).status_code == 403


def test_needs_a_token(function: Flask) -> None:
    """Without a token nothing is answered."""
    answer = function.test_client().get("/api/v1/models/v1/comparison?with=v2")
    assert answer.status_code == 401


def test_outage(function: Flask, reader: InMemoryComparisonReader) -> None:
    """Without the database the caller is asked to come back."""
    reader.down = True
    assert ask(function).status_code == 503
