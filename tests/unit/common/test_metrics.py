"""What a function measures of its requests, in Prometheus' conventions."""
from __future__ import annotations

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from tests import tokens
from tests.probe import create_probe

REQUESTS = "imgclass_http_requests_total"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(registry: CollectorRegistry) -> Flask:
    return create_probe(registry=registry)


def exposed(app: Flask) -> list[tuple[str, dict[str, str], float]]:
    """What a scrape finds: (sample name, labels, value)."""
    answer = app.test_client().get("/metrics")
    assert answer.mimetype == "text/plain"
    return [(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples]


def test_requests_are_counted_by_route(app: Flask, registry: CollectorRegistry) -> None:
    """Requests count under the route's pattern, so that ids in paths make no new series."""
    for number in range(5):
        app.test_client().get(f"/me/{number}", headers=tokens.bearer("user"))
    app.test_client().get("/me/6")
    labels = {"method": "GET", "route": "/me/<path:rest>"}
    assert registry.get_sample_value(REQUESTS, {**labels, "status": "200"}) == 5
    assert registry.get_sample_value(REQUESTS, {**labels, "status": "401"}) == 1
    assert registry.get_sample_value(
        "imgclass_http_request_duration_seconds_count", labels) == 6


def test_clients_cannot_make_series(app: Flask, registry: CollectorRegistry) -> None:
    """Made-up paths and methods all count as one route."""
    for number in range(50):
        app.test_client().get(f"/made-up/{number}")
        app.test_client().open("/health", method=f"MADEUP{number}")
    statuses = {labels["status"]: value for name, labels, value in exposed(app)
                if name == REQUESTS and labels["route"] == "unmatched"}
    assert statuses == {"404": 50, "405": 50}
    methods = {labels["method"] for _, labels, _ in exposed(app) if "method" in labels}
    assert methods <= {"GET", "any"}


def test_errors_are_counted(app: Flask, registry: CollectorRegistry) -> None:
    """A request that failed unexpectedly is counted like any other."""
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError

    app.test_client().get("/broken", headers=tokens.bearer("user"))
    labels = {"method": "GET", "route": "/broken", "status": "500"}
    assert registry.get_sample_value(REQUESTS, labels) == 1


def test_requests_in_progress(app: Flask, registry: CollectorRegistry) -> None:
    """A request is in progress until it is answered, however that ends."""
    seen = []

    @app.get("/look")
    def look() -> str:
        seen.append(registry.get_sample_value("imgclass_http_requests_in_progress"))
        raise RuntimeError

    app.test_client().get("/look", headers=tokens.bearer("user"))
    assert seen == [1]
    assert registry.get_sample_value("imgclass_http_requests_in_progress") == 0


def test_names_follow_the_conventions(app: Flask) -> None:
    """Counters end in _total, times in _seconds; what is measured here starts with imgclass_."""
    app.test_client().get("/health")
    answer = app.test_client().get("/metrics")
    families = list(text_string_to_metric_families(answer.text))
    own = [family for family in families if family.name.startswith("imgclass_")]
    assert {family.name for family in families} - {family.name for family in own} <= {
        name for name in (family.name for family in families)
        if name.startswith(("process_", "python_"))}
    for family in own:
        assert family.documentation.endswith(".")
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples)
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
    assert {family.type for family in own} == {"counter", "histogram", "gauge"}
