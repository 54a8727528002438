"""GET /api/v1/drift and the metric: what they report, to whom, and what is refused."""
from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.errors import DatabaseUnavailable
from common.web import create_web_app
from model_admin.drift.repository import Drift
from model_admin.drift.routes import create_routes
from model_admin.drift.service import DriftReport
from model_admin.drift.watch import BASELINE, WINDOW, DriftWatch
from tests import tokens
from tests.environments import settings
from tests.fakes.drift import FixedDrift

DAY = timedelta(days=1)
NAME = "imgclass_drift_psi"


@pytest.fixture
def reader() -> FixedDrift:
    return FixedDrift(
        Drift("v1", "class_mix", 300, 400, 0.02), Drift("v1", "brightness", 3, 400, None),
        Drift("v2", "class_mix", 500, 600, 0.31))


@pytest.fixture
def function(reader: FixedDrift) -> Flask:
    app = create_web_app("model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
    app.register_blueprint(create_routes(DriftReport(reader)))
    return app


def ask(function: Flask, query: str = "", **claims: object) -> TestResponse:
    """What an administrator is answered, or somebody with other `claims`."""
    headers = tokens.bearer(uuid.uuid4(), **{"roles": ["admin"], **claims})
    return function.test_client().get(f"/api/v1/drift?{query}", headers=headers)


def test_report(function: Flask) -> None:
    """The report has an index by version and feature, null where there is too little."""
    report = ask(function, "from=2026-01-24&to=2026-01-31&baseline=48h").json
    assert report == {
        "window": {"from": "2026-01-24T00:00:00Z", "to": "2026-01-31T00:00:00Z"},
        "baseline": {"from": "2026-01-22T00:00:00Z", "to": "2026-01-24T00:00:00Z"},
        "models": [
            {"model_version": "v1", "psi": {"class_mix": 0.02, "brightness": None}, "answers": {
                "class_mix": {"window": 300, "baseline": 400},
                "brightness": {"window": 3, "baseline": 400}}},
            {"model_version": "v2", "psi": {"class_mix": 0.31}, "answers": {
                "class_mix": {"window": 500, "baseline": 600}}}]}


@pytest.mark.parametrize(("query", "window", "baseline"), [
    ("", 7, 7), ("window=2d", 2, 2), ("window=24h&baseline=28d", 1, 28),
    ("from=2026-01-01&to=2026-01-31", 30, 30), ("to=2026-01-31&baseline=1d", 7, 1)])
def test_spans(
    function: Flask, reader: FixedDrift, query: str, window: int, baseline: int
) -> None:
    """A window is told by its beginning or its length, and the baseline is as long by default."""
    assert ask(function, query).status_code == 200
    ((span, version),) = reader.asked
    assert version is None
    assert span.until - span.since == window * DAY
    assert span.since - span.baseline_since == baseline * DAY


def test_version(function: Flask) -> None:
    """One version alone can be asked for; one that never was does not exist."""
    models = ask(function, "model_version=v2").json["models"]
    assert [each["model_version"] for each in models] == ["v2"]
    assert ask(function, "model_version=v9").status_code == 404


@pytest.mark.parametrize(("query", "word"), [
    ("window=7", "window"), ("window=0d", "window"), ("baseline=367d", "baseline"),
    ("window=9999h", "window"), ("window=-1d", "window"), ("from=x", "from"),
    ("from=2026-01-31&to=2026-01-31", "from"), ("from=2999-01-01", "from"),
    ("from=2026-01-01&window=7d", "window"), ("to=0001-01-02", "from"),
    ("from=0001-01-01", "from"), ("model_version=" + "v" * 256, "model_version"),
    ("model_version=%00", "model_version")])
def test_refused(function: Flask, query: str, word: str) -> None:
    """What cannot be measured is refused by name."""
    answer = ask(function, query)
    assert (answer.status_code, word in answer.json["detail"]) == (422, True)


def test_administrators_only(function: Flask, reader: FixedDrift) -> None:
    """Users are told nothing."""
    assert ask(function, roles=[]).status_code == 403
    assert reader.asked == []


def test_database_gone(function: Flask, reader: FixedDrift) -> None:
    """Without the database the answer is to come again."""
    reader.down = True
    assert ask(function).status_code == 503


def test_metric(reader: FixedDrift) -> None:
    """The metric names what was measured last, and a scrape measures nothing."""
    registry = CollectorRegistry()
    watch = DriftWatch(reader, registry)
    assert [*registry.collect()][0].samples == []
    watch.refresh()
    ((span, _),) = reader.asked
    assert (span.until - span.since, span.since - span.baseline_since) == (WINDOW, BASELINE)

    def value(version: str) -> float | None:
        return registry.get_sample_value(
            NAME, {"model_version": version, "feature": "class_mix"})

    assert (value("v1"), value("v2")) == (0.02, 0.31)
    assert len([*registry.collect()][0].samples) == 2
    assert len(reader.asked) == 1
    reader.found = [Drift("v2", "class_mix", 500, 600, 0.5), Drift("v1", "class_mix", 1, 1, None)]
    watch.refresh()
    assert (value("v1"), value("v2")) == (None, 0.5)


def test_metric_in_an_outage(reader: FixedDrift) -> None:
    """While the database is away the metric says what it said."""
    registry = CollectorRegistry()
    watch = DriftWatch(reader, registry)
    watch.refresh()
    reader.down = True
    with pytest.raises(DatabaseUnavailable):
        watch.refresh()
    assert len([*registry.collect()][0].samples) == 2
