"""Every edge opens the same paths, to the same functions, and waits long enough for them."""
from __future__ import annotations

import re
from typing import Any

import pytest

from common.db import LONG_STATEMENT_TIMEOUT
from predict.inbox.routes import MAX_DRAIN_SECONDS
from tests.deployment_files import DEPLOY, ROOT, read, read_stack

NGINX = (DEPLOY / "gateway" / "nginx.conf.template").read_text(encoding="utf-8")
HEALTH = "/health"
Routes = dict[str, str]


def nginx() -> Routes:
    """What the gateway of `make up` and of docker-compose.yml opens: paths and their functions."""
    routes = {}
    for pattern, function in re.findall(
            r"location ~ \^(\S+)\(/\|\$\) \{\s+set \$function ([a-z-]+);", NGINX):
        head, _, alternatives = pattern.rstrip(")").partition("(")
        for name in alternatives.split("|") if alternatives else [""]:
            routes[head + name] = function
    # Its files the gateway serves by itself.
    assert "location ~ ^/console(/|$) {" in NGINX
    routes["/console"] = "console"
    return routes


def ingress() -> Routes:
    (document,) = read(DEPLOY / "kubernetes" / "ingress.yaml")
    (rule,) = document["spec"]["rules"]
    return {each["path"]: each["backend"]["service"]["name"] for each in rule["http"]["paths"]}


def rules(*path: str) -> list[dict[str, Any]]:
    return [rule for document in read(DEPLOY.joinpath(*path))
            if document["kind"] == "HTTPRoute" for rule in document["spec"]["rules"]]


def gateway_api() -> Routes:
    return {match["path"]["value"]: rule["backendRefs"][0]["name"]
            for rule in rules("kubernetes", "gateway-api", "route.yaml")
            for match in rule["matches"]}


def knative() -> Routes:
    return {match["path"]["value"]: rule["filters"][0]["urlRewrite"]["hostname"].split(".")[0]
            for rule in rules("knative", "edge", "route.yaml") for match in rule["matches"]}


def openfaas() -> Routes:
    """Each path is preceded by that of its function."""
    routes = {}
    for rule in rules("openfaas", "route.yaml"):
        (match,) = rule["matches"]
        path = match["path"]["value"]
        to = rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"]
        found = re.fullmatch(rf"/function/([a-z-]+){path}", to)
        assert found, to
        routes[path] = found[1]
    return routes


@pytest.mark.parametrize("edge", [ingress, gateway_api, knative, openfaas])
def test_routes(edge: Any) -> None:
    """An edge opens what nginx does, and health; nothing else, /metrics and /events/ above all."""
    routes = edge()
    routes.pop(HEALTH, None)
    assert routes == nginx()
    assert len(routes) >= 12
    assert all(path.startswith(("/api/v1/", "/v2", "/docs", "/console")) for path in routes)


def test_paths_are_whole() -> None:
    """A path stands for itself and what is below it, so that predict does not get predictions."""
    (document,) = read(DEPLOY / "kubernetes" / "ingress.yaml")
    kinds = {each["path"]: each["pathType"]
             for each in document["spec"]["rules"][0]["http"]["paths"]}
    assert kinds.pop(HEALTH) == "Exact"
    assert set(kinds.values()) == {"Prefix"}


def seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found, duration
    return int(found[1])


def nginx_seconds(location: str) -> int:
    """How long the gateway waits for a function's answer at a location, or elsewhere."""
    block = NGINX.split(location)[1]
    found = re.search(r"proxy_read_timeout (\d+)s;", block)
    assert found
    return int(found[1])


@pytest.mark.parametrize("path", ["stack.yml", "deploy/openfaas/stack.pro.yml"])
def test_timeouts(path: str) -> None:
    """Whoever waits does so longer than whom it waits for: edge, gateway, function, its work."""
    functions = read_stack(ROOT / path)["functions"]
    (values,) = read(DEPLOY / "openfaas" / "values.yaml")
    gateway = {name: seconds(value) for name, value in values["gateway"].items()}
    longest_work = max(MAX_DRAIN_SECONDS, seconds(LONG_STATEMENT_TIMEOUT))
    usual_edge = nginx_seconds("proxy_connect_timeout")
    archive_edge = nginx_seconds("/api/v1/models$")
    for name, function in functions.items():
        environment = function["environment"]
        exec_timeout = seconds(environment["exec_timeout"])
        assert seconds(environment["read_timeout"]) >= exec_timeout > longest_work
        assert seconds(environment["write_timeout"]) >= exec_timeout
        assert exec_timeout < (archive_edge if name == "model-admin" else usual_edge)
        assert exec_timeout < gateway["upstreamTimeout"]
    assert gateway["upstreamTimeout"] < min(gateway["readTimeout"], gateway["writeTimeout"])
    assert {seconds(value) for value in values["faasnetes"].values()} == {gateway["readTimeout"]}


@pytest.mark.parametrize("path", [
    ("kubernetes", "gateway-api", "route.yaml"), ("knative", "edge", "route.yaml"),
    ("openfaas", "route.yaml")])
def test_timeouts_of_routes(path: tuple[str, ...]) -> None:
    """A route waits as long as nginx does, and for archives of models longer."""
    waits: dict[str, int] = {}
    for rule in rules(*path):
        for match in rule["matches"]:
            # The first rule that fits counts, the one with a method above all.
            if "timeouts" in rule:
                waits.setdefault(match["path"]["value"], seconds(rule["timeouts"]["request"]))
    assert waits.pop("/api/v1/models") == nginx_seconds("/api/v1/models$")
    usual = nginx_seconds("proxy_connect_timeout")
    assert all(wait >= usual for wait in waits.values())


@pytest.mark.parametrize("name", ["predict", "history", "model-admin", "console"])
def test_timeouts_of_knative(name: str) -> None:
    """Knative gives a function as long as the edge waits for it."""
    (service,) = read(DEPLOY / "knative" / f"{name}.yaml")
    location = "/api/v1/models$" if name == "model-admin" else "proxy_connect_timeout"
    assert service["spec"]["template"]["spec"]["timeoutSeconds"] == nginx_seconds(location)
