"""Requests made up of the interface's description, sent to a running stack with authentication.

Every answer has a documented status, media type, headers and body, and none is a server's fault.
"""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from imgclass.embedded.stack import Stack
from scripts.reference.compose import FUNCTIONS, compose
from tests.e2e.access import client_of, settings_of, token_of
from tests.fuzz.trials import Tally
from tests.servers import ROOT
from tests.stacks import running_stack

SHORT, LONG = 4, 200
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    schemathesis.checks.not_a_server_error, checks.status_code_conformance,
    checks.content_type_conformance, checks.response_headers_conformance,
    checks.response_schema_conformance]


@dataclass
class World:
    """A stack, and ids of what there is in it."""

    stack: Stack
    known: dict[str, str]

    def headers(self, case: Any) -> dict[str, str]:
        """A token for this request, each time another administrator's: their budgets are small."""
        if "machine" in str(case.operation.definition.raw.get("security")):
            token = settings_of(self.stack).events_token
        else:
            token = token_of(self.stack, f"{uuid.uuid4()}@example.com", admin=True)[0]
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack of its own: what comes at random erases and deactivates as well."""
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        with client_of(stack, "ada@example.com") as client:
            made = client.predict(ROOT / "examples/pictures/coffee.jpg")
            known = {"prediction_id": str(made.prediction_id), "image_id": str(made.image_id),
                     "user_id": str(client.user_id), "version": "v1", "receiver": "sink",
                     "name": "efficientnet-lite0"}
        yield World(stack, known)


@pytest.mark.parametrize("inputs", [SHORT, pytest.param(LONG, marks=pytest.mark.full)])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_random_requests(world: World, function: str, inputs: int, tally: Tally) -> None:
    """What the description allows, and much that it does not, is answered as described."""
    address, turn = f"http://{world.stack.functions.addresses()[function]}", count()

    def attempt(case: Any) -> None:
        if next(turn) % 2:  # of what there is, and of what there is not
            case.path_parameters = {
                name: world.known.get(name, value)
                for name, value in (case.path_parameters or {}).items()}
        case.headers = {**(case.headers or {}), **world.headers(case)}
        case.headers.pop("X-Timeout-Ms", None)  # who gives up at once is refused with 503
        answer = case.call(base_url=address, timeout=60)
        tally.add(f"interface of {function}",
                  "taken" if answer.status_code < 400 else str(answer.status_code))
        case.validate_response(answer, checks=CHECKS)

    for found in schemathesis.openapi.from_dict(compose([function])).get_all_operations():
        operation = found.ok()
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in MODES))
        settings(
            max_examples=inputs, derandomize=inputs == SHORT, database=None, deadline=None,
            suppress_health_check=[*HealthCheck])(given(cases)(attempt))()
