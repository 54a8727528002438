"""No route of the three functions is open by accident: every one there is, is tried."""
from __future__ import annotations

import pytest

from tests.every_route import CALLERS, FUNCTIONS, Route, routes_of

# The routes anybody may ask. Whoever adds one to a function adds it here, or it needs a token.
PUBLIC = {"/health", "/_/health", "/_/ready", "/metrics"}
# What history serves of the interface's description.
REFERENCE = {"/docs", "/docs/style.css", "/api/v1/openapi.json"}
# The probes of the Open Inference Protocol, whose clients send no token with them.
PROBES = {"/v2/health/live", "/v2/health/ready"}
# With HEAD a sender of events finds out whether anybody listens.
PUBLIC_METHODS = {("HEAD", "/events/storage")}
# The routes of model-admin that are for users, too.
FOR_USERS = {"/api/v1/replays"}
REFUSED = set(CALLERS) - {"user", "machine"}


def is_public(route: Route) -> bool:
    return (route.rule in PUBLIC | REFERENCE | PROBES
            or (route.method, route.rule) in PUBLIC_METHODS)


def named(function: str) -> dict[str, Route]:
    """The routes by what to call them in a failure."""
    return {f"{route.method} {route.rule}": route for route in routes_of(function)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_route_authenticates_or_is_public(function: str) -> None:
    """A route that is not in the public list answers 401 to whoever has no good token."""
    answers = {
        name: {route.statuses[caller] for caller in REFUSED}
        for name, route in named(function).items() if not is_public(route)}
    assert len(answers) >= 8
    assert {name: statuses for name, statuses in answers.items() if statuses != {401}} == {}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_public_routes(function: str) -> None:
    """The public list names what there is, and nothing of it asks for a token."""
    public = [route for route in routes_of(function) if is_public(route)]
    assert {route.rule for route in public} >= PUBLIC
    for route in public:
        assert 401 not in {route.statuses[caller] for caller in REFUSED}, route


@pytest.mark.parametrize("function", FUNCTIONS)
def test_machines_and_users(function: str) -> None:
    """The token of machines opens the routes of machines and no others, and no user's does."""
    for name, route in named(function).items():
        if is_public(route):
            continue
        if route.rule.startswith("/events/"):
            assert route.statuses["user"] == 401, name
            assert route.statuses["machine"] != 401, name
        else:
            assert route.statuses["machine"] == 401, name


def test_administrators_only() -> None:
    """Every route of model-admin needs the role admin, but for those that are for users."""
    closed = {name: route.statuses["user"] for name, route in named("model-admin").items()
              if not is_public(route) and route.rule not in FOR_USERS}
    assert len(closed) >= 20
    assert {name: status for name, status in closed.items() if status != 403} == {}
