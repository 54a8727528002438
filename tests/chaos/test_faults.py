"""A whole stack under load, and whatever may befall it: what was acknowledged is there."""
from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from imgclass.embedded import secret_files
from imgclass.embedded.stack import Stack
from imgclass.tokens import AUDIENCE, ISSUER
from tests.chaos import degraded
from tests.chaos.faults import Fault
from tests.chaos.load import UNKNOWN
from tests.chaos.report import Report
from tests.chaos.survival import survive
from tests.stacks import running_stack

PARTS = ("postgres", "s3", "predict", "history", "gateway")
SECONDS = 3.0
# Longer than a statement may take.
LONG_SECONDS = 12.0
MANY_CLIENTS = 24
FOR_NOW = {"503", "history 503"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.mark.parametrize("part", [
    "predict", "postgres", *(pytest.param(each, marks=pytest.mark.full) for each in PARTS
                             if each not in ("predict", "postgres"))])
def test_killed(stack: Stack, part: str, report: Report) -> None:
    """A part that is killed under load and comes back costs no acknowledged prediction."""
    survive(stack, Fault(stack, part, SECONDS).kill, f"{part} killed", report)


@pytest.mark.parametrize("part", [
    "s3", *(pytest.param(each, marks=pytest.mark.full) for each in PARTS if each != "s3")])
def test_paused(stack: Stack, part: str, report: Report) -> None:
    """A part that hangs under load and then goes on costs no acknowledged prediction."""
    survive(stack, Fault(stack, part, SECONDS).pause, f"{part} paused for {SECONDS:g} s", report)


@pytest.mark.parametrize("seconds", [
    SECONDS, pytest.param(LONG_SECONDS, marks=pytest.mark.full)])
def test_locked(stack: Stack, seconds: float, report: Report) -> None:
    """While the predictions are locked, requests wait, or are refused for the time being."""
    strike = degraded.lasting(degraded.locked, stack, seconds)
    load = survive(stack, strike, f"predictions locked for {seconds:g} s", report)
    assert load.refused.keys() <= FOR_NOW


@pytest.mark.full
def test_slow_database(stack: Stack, report: Report) -> None:
    """A database that takes half a second to write a prediction delays answers and loses none."""
    strike = degraded.lasting(degraded.slow, stack, LONG_SECONDS)
    load = survive(stack, strike, "database slow", report, MANY_CLIENTS)
    assert load.refused.keys() <= FOR_NOW


@pytest.mark.full
def test_out_of_connections(stack: Stack, report: Report) -> None:
    """With far more requests than connections each is answered, or refused for the time being."""
    strike = degraded.lasting(degraded.out_of_connections, stack, SECONDS)
    load = survive(
        stack, strike, f"{degraded.CONNECTIONS} connections for {MANY_CLIENTS} clients", report,
        MANY_CLIENTS)
    # The server may hang up in the middle of a COMMIT.
    assert load.refused.keys() <= FOR_NOW | {UNKNOWN, f"history {UNKNOWN}"}


def test_store_full(stack: Stack, report: Report) -> None:
    """While the store takes no more, pictures are refused for the time being."""
    if not (stack.layout.objects / "minio").is_dir():
        pytest.skip("only MinIO has quotas")
    strike = degraded.lasting(degraded.store_full, stack, SECONDS)
    load = survive(stack, strike, "object store full", report)
    assert load.refused.keys() == {"503"}


@pytest.mark.parametrize(("skew", "status"), [
    ({"iat": 15}, 200), ({"nbf": 15}, 200), ({"exp": -10}, 200),
    ({"iat": 120}, 401), ({"nbf": 120}, 401), ({"exp": -35}, 401)],
    ids=lambda value: str(value))
def test_clock_skew(
    stack: Stack, skew: dict[str, int], status: int, report: Report
) -> None:
    """Clocks may differ by the leeway of 30 s and no more; the claims are off by `skew` s."""
    with httpx.Client(base_url=stack.gateway.url, trust_env=False) as http:
        answer = http.get("/api/v1/predictions", headers={
            "Authorization": f"Bearer {skewed_token(stack, skew)}"})
    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    (claim, seconds), = skew.items()
    report.add(f"{claim} {seconds:+d} s from now", {"status": status})


def skewed_token(stack: Stack, skew: dict[str, int]) -> str:
    """A token with claims that are so many seconds from now."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(uuid.uuid4()), "email": "ada@example.com",
        "iat": now - 600, "exp": now + 600,
        **{claim: now + seconds for claim, seconds in skew.items()}}
    return jwt.encode(
        claims, secret_files.read(stack.layout.secrets, "jwt-secret"), algorithm="HS256")
