"""Checks from outside, as any client could make them: address, health, clock, token, access."""
from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from imgclass.client import Client
from imgclass.doctor.findings import Finding, failed, ok, skipped, warning
from imgclass.errors import ClientError, InvalidToken, ProblemError
from imgclass.identity import claims_of
from imgclass.results.health import Health
from imgclass.transport import LOCAL_HOSTS, parse_url

CONNECT_SECONDS = 5.0
# The functions refuse tokens that are off by more than JWT_LEEWAY_SECONDS, 30 unless set.
MUCH_SKEW_SECONDS, SOME_SKEW_SECONDS = 30.0, 5.0
SOON_SECONDS = 600.0
PORTS = {"http": 80, "https": 443}

MEND_IDENTITY = ("get a new one, here with `imgclass token --email ADDRESS`, elsewhere from "
                 "your identity provider, and set IMGCLASS_TOKEN")


def check_address(url: str) -> Finding:
    """Whether anything listens at the service's address."""
    try:
        parsed = parse_url(url)
    except ClientError as error:
        return failed("address", str(error), "set IMGCLASS_URL to http://HOST:PORT")
    host, port = parsed.host, parsed.port or PORTS[parsed.scheme]
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        mend = ("start the stack: `make up`, or `docker compose up -d`" if host in LOCAL_HOSTS
                else "check the address (IMGCLASS_URL), its DNS name, and the firewalls between")
        return failed("address", f"nothing answers at {host}:{port}: {error}", mend)
    return ok("address", f"{host}:{port} listens")


def check_health(client: Client) -> Iterator[Finding]:
    """Whether it is this service that answers there, and whether its clock is ours."""
    before = time.time()
    try:
        health = client.health()
    except ClientError as error:
        yield failed("health", str(error), "check that IMGCLASS_URL leads to the gateway of "
                     "imgclass: GET /health answers {\"status\":\"ok\"} there")
        yield skipped("clock", "the service does not answer")
        return
    yield ok("health", f"the service says {health.status}")
    yield _clock(health, (before + time.time()) / 2)


def _clock(health: Health, here: float) -> Finding:
    if health.server_time is None:
        return skipped("clock", "the service does not tell its time")
    # The header has whole seconds.
    ahead = health.server_time.timestamp() + 0.5 - here
    place = "ahead of" if ahead > 0 else "behind"
    said = f"the service's clock is {abs(ahead):.0f} s {place} ours"
    mend = "set both clocks by NTP: `timedatectl set-ntp true`, here and on the server"
    if abs(ahead) > MUCH_SKEW_SECONDS:
        return failed("clock", f"{said}: beyond JWT_LEEWAY_SECONDS tokens are refused", mend)
    if abs(ahead) > SOME_SKEW_SECONDS:
        return warning("clock", said, mend)
    return ok("clock", "the service's clock is ours")


def check_token(token: str, now: Callable[[], float] = time.time) -> Finding:
    """What can be told of a token without asking anybody."""
    try:
        claims = claims_of(token)
        expires, starts = (_number(claims.get(name)) for name in ("exp", "nbf"))
    except InvalidToken as error:
        return failed("token", str(error), MEND_IDENTITY)
    if expires is None:
        return failed("token", "the token does not say when it expires", MEND_IDENTITY)
    left = expires - now()
    if left <= 0:
        return failed("token", f"the token has expired {_span(-left)} ago", MEND_IDENTITY)
    if starts is not None and starts > now():
        return failed("token", f"the token is valid in {_span(starts - now())}",
                      "wait, or set the clocks: see the check of the clock")
    if left < SOON_SECONDS:
        return warning("token", f"the token expires in {_span(left)}", MEND_IDENTITY)
    return ok("token", f"the token is valid for another {_span(left)}")


def check_access(client: Client) -> Finding:
    """Whether the service takes the token, and reaches its database."""
    try:
        found = client.predictions(limit=1)
    except ProblemError as error:
        if error.status in (401, 403):
            return failed("access", str(error), MEND_IDENTITY)
        return failed("access", str(error), "look for what is missing in the functions' logs: "
                      "/_/ready of each function says it, too")
    except ClientError as error:
        return failed("access", str(error), "look into the logs of gateway and history")
    return ok("access", f"the service takes the token; you have {found.total} predictions")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
