"""The description of the HTTP interface is valid, complete, and what is made of it is new."""
from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate
from prometheus_client import CollectorRegistry

from common.auth import Authenticator
from common.web import create_web_app
from history.reference import routes as reference_routes
from scripts.reference.__main__ import files
from scripts.reference.compose import FUNCTIONS, METHODS, compose
from tests.environments import settings
from tests.every_route import FUNCTIONS as TRIED
from tests.every_route import routes_of

# What is not part of the interface: probes, what CORS and HTTP itself bring, and OpenFaaS' cron.
PROBES = {"/health", "/_/health", "/_/ready", "/metrics", "/", *reference_routes.OPEN_PATHS}
IMPLIED = {"OPTIONS", "HEAD"}


@pytest.mark.parametrize("functions", [*([each] for each in FUNCTIONS), [*FUNCTIONS]], ids=str)
def test_valid(functions: list[str]) -> None:
    """Each function's document, and all merged, are OpenAPI 3.1."""
    validate(compose(functions))


@pytest.mark.parametrize("function", TRIED)
def test_every_route_is_described(function: str) -> None:
    """A route that is added is described in the openapi.yaml beside it, and none that is not."""
    paths = compose([function])["paths"]
    described = {(method.upper(), path) for path, operations in paths.items()
                 for method in METHODS if method in operations}
    there = {(route.method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule))
             for route in routes_of(function) if route.rule not in PROBES}
    assert there - described <= {pair for pair in there if pair[0] in IMPLIED}
    assert described - there == set()


@pytest.mark.parametrize("function", TRIED)
def test_arguments_of_paths(function: str) -> None:
    """Every argument of a path is described, and those that are UUIDs say so."""
    document = compose([function])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            described = {each["name"] for each in _parameters(document, operation)
                         if each["in"] == "path"}
            assert described == set(re.findall(r"\{(\w+)\}", path)), path


def _parameters(document: Any, operation: Any) -> list[dict[str, str]]:
    shared, sent = document["components"]["parameters"], operation.get("parameters", [])
    return [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in sent]


def test_operations_have_names_of_their_own() -> None:
    """No two operations have the same id."""
    names = [operation["operationId"] for operations in compose()["paths"].values()
             for operation in operations.values()]
    assert len(set(names)) == len(names) >= 40


def test_generated_files_are_new() -> None:
    """What is served and kept is what the descriptions say: `make reference` writes it."""
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make reference"


@pytest.fixture
def app() -> Flask:
    app = create_web_app("history", Authenticator(settings()), {}, 1000, CollectorRegistry(),
                         open_paths=reference_routes.OPEN_PATHS)
    app.register_blueprint(reference_routes.create_routes())
    return app


@pytest.mark.parametrize("path, media_type", [
    ("/docs", "text/html; charset=utf-8"), ("/docs/style.css", "text/css; charset=utf-8"),
    ("/api/v1/openapi.json", "application/json")])
def test_served(app: Flask, path: str, media_type: str) -> None:
    """Anybody may read the description; a browser runs nothing and asks nobody else for it."""
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src")
    assert app.test_client().get(
        path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_page_needs_nobody_else(app: Flask) -> None:
    """The page has no script and no style of its own, and all of its links lead somewhere."""
    page = app.test_client().get("/docs").text
    assert "<script" not in page and "style=" not in page and "http" not in re.sub(
        r"<code>.*?</code>", "", page, flags=re.DOTALL).replace("HTTP", "")
    names = set(re.findall(r'id="([^"]+)"', page))
    links = set(re.findall(r'href="([^"]+)"', page)) - {"docs/style.css", "api/v1/openapi.json"}
    assert len(links) >= 60 and links <= {f"#{name}" for name in names}
