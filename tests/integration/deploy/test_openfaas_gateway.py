"""A function behind what OpenFaaS puts before it: what reaches it, and what comes back."""
from __future__ import annotations

import hashlib
import http.client
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from imgclass.client import Client, ProblemError
from imgclass.embedded.ports import free_port
from tests import tokens
from tests.environments import environment
from tests.function_process import ROOT, Answer, Connection, FunctionProcess, form
from tests.integration.deploy.openfaas_gateway import Watchdog, openfaas_gateway
from tests.probe import BODY_LIMIT

FORM = "multipart/form-data; boundary=limit"
USER = "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11"
EXEC_SECONDS = 1.0


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    logs = tmp_path_factory.mktemp("logs")
    with FunctionProcess("tests.probe:app", ROOT, environment(LOG_DIR=str(logs))) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(probe: FunctionProcess) -> Iterator[str]:
    """One function three times: served by itself, behind a watchdog, and gone."""
    address = f"{probe.host}:{probe.port}"
    with openfaas_gateway(
            {"probe": address, "watched": address, "gone": f"127.0.0.1:{free_port()}"},
            watchdogs={"watched": Watchdog(max_inflight=1, exec_seconds=EXEC_SECONDS)}) as url:
        yield url


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A request with a user's token; a body goes with its Content-Length."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, path, body, {**tokens.bearer(USER), **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "rest"), [
    ("/function/probe/me/x", "x"), ("/function/probe.openfaas-fn/me/x/y", "x/y"),
    ("/function/probe/me/a%20b", "a b"), ("/function/watched/me/x", "x")])
def test_path(gateway: str, path: str, rest: str) -> None:
    """A function gets the path behind its name, and knows whose token came with it."""
    answer = ask(gateway, path)
    assert answer.json() == {"user_id": USER, "rest": rest}


def test_query(gateway: str) -> None:
    """The query arrives as it was sent."""
    assert ask(gateway, "/function/probe/seen?a=%2F&b=1").json()["query"] == "a=%2F&b=1"


def test_headers(gateway: str) -> None:
    """Of the gateway's headers the call's id counts; where a client is may have a port in it."""
    answer = ask(gateway, "/function/probe/seen")
    seen = {name.lower(): value for name, value in answer.json()["headers"].items()}
    assert {"x-call-id", "x-start-time", "x-forwarded-host", "x-forwarded-for"} <= set(seen)
    assert seen["x-forwarded-for"].startswith("127.0.0.1:")
    assert answer.headers["X-Request-Id"] == seen["x-call-id"] == answer.headers["X-Call-Id"]


def test_call_id_of_the_client(gateway: str) -> None:
    """A client that names its call finds the name on the answer and on a refusal."""
    for path, status in (("/function/probe/seen", 200), ("/function/probe/nowhere", 404)):
        answer = ask(gateway, path, headers={"X-Call-Id": "mine-1"})
        assert (answer.status, answer.headers["X-Request-Id"]) == (status, "mine-1")
    assert answer.json()["request_id"] == "mine-1"


@pytest.mark.parametrize("name", ["probe", "watched"])
@pytest.mark.parametrize("size", [1, 40_000, BODY_LIMIT])
def test_body_is_sent_on_in_chunks(gateway: str, name: str, size: int) -> None:
    """A body whose length was told arrives without it, and whole."""
    data = os.urandom(size)
    seen = ask(gateway, f"/function/{name}/seen", "POST", data).json()
    assert seen["content_length"] is None
    assert (seen["size"], seen["sha256"]) == (size, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("path", ["/body", "/seen"])
@pytest.mark.parametrize("excess", [1, BODY_LIMIT])
def test_body_over_the_limit(gateway: str, path: str, excess: int) -> None:
    """One byte too many is refused, never cut off in silence, and the client learns why."""
    answer = ask(gateway, f"/function/probe{path}", "POST", bytes(BODY_LIMIT + excess))
    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:imgclass:problem:payload-too-large"


@pytest.mark.parametrize(("size", "status"), [
    (100_000, 200), (BODY_LIMIT - 1000, 200), (BODY_LIMIT, 413)])
def test_form(gateway: str, size: int, status: int) -> None:
    """A form arrives with its file, or not at all."""
    body = form("limit", {"user_id": "me"}, os.urandom(size))
    answer = ask(gateway, "/function/probe/form", "POST", body, {"Content-Type": FORM})
    assert answer.status == status
    if status == 200:
        assert (answer.json()["size"], answer.json()["fields"]) == (size, ["user_id"])


@pytest.mark.parametrize("path", ["/_/health", "/_/ready", "/health"])
def test_health(gateway: str, path: str) -> None:
    """OpenFaaS' contract: alive and ready, each at its path, with and without a watchdog."""
    assert ask(gateway, f"/function/probe{path}").status == 200
    assert ask(gateway, f"/function/watched{path}").status == 200


def test_token_is_the_functions_business(gateway: str) -> None:
    """The gateway lets everybody through; the function does not."""
    answer = ask(gateway, "/function/probe/me/x", headers={"Authorization": ""})
    assert answer.status == 401
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_own_api_of_the_gateway(gateway: str) -> None:
    """A user's token opens nothing of the gateway itself."""
    assert ask(gateway, "/system/functions").status == 401


def test_too_many_at_once(gateway: str, probe: FunctionProcess) -> None:
    """Above max_inflight the watchdog refuses; a client says so, and the first one is served."""
    half = os.urandom(BODY_LIMIT // 2)
    parts = urlsplit(gateway)
    with Connection(parts.hostname or "", parts.port or 0) as connection, client_of(
            gateway, "watched") as client:
        connection.send_head("/function/watched/body", {
            **tokens.bearer(USER), "Transfer-Encoding": "chunked"})
        connection.send(b"%x\r\n%s\r\n" % (len(half), half))
        wait_until_busy(probe)
        answer = ask(gateway, "/function/watched/me/x")
        assert answer.status == 429
        assert "json" not in answer.headers["Content-Type"]
        with pytest.raises(ProblemError) as refused:
            client.predict(b"no picture")
        assert refused.value.status == 429
        assert ask(gateway, "/function/watched/_/health").status == 200
        connection.send_chunks([half])
        first = connection.answer()
        assert first is not None and first.status == 200
        assert first.json()["sha256"] == hashlib.sha256(half + half).hexdigest()


def test_too_slow_for_the_watchdog(gateway: str) -> None:
    """exec_timeout gives 504 without a word, while the function works on and is well."""
    milliseconds = int(EXEC_SECONDS * 1000) + 500
    answer = ask(gateway, f"/function/watched/slow/{milliseconds}")
    assert (answer.status, answer.body) == (504, b"")
    assert ask(gateway, "/function/watched/me/x").status == 200


def test_too_slow_for_the_gateway(probe: FunctionProcess) -> None:
    """Without a watchdog it is the gateway that gives up, in words of its own."""
    with openfaas_gateway({"probe": f"{probe.host}:{probe.port}"}, upstream_seconds=0.3) as url:
        answer = ask(url, "/function/probe/slow/800")
        assert (answer.status, answer.headers["X-OpenFaaS-Internal"]) == (500, "proxy")
        assert ask(url, "/function/probe/me/x").status == 200


@pytest.mark.parametrize(("name", "status"), [("gone", 500), ("unknown", 503)])
def test_function_that_is_not_there(gateway: str, name: str, status: int) -> None:
    """What OpenFaaS says where no function answers is not taken for a function's words."""
    answer = ask(gateway, f"/function/{name}/api/v1/predictions")
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (status, "text/plain")
    with client_of(gateway, name) as client, pytest.raises(ProblemError) as failed:
        client.predict(b"no picture")
    assert (failed.value.status, failed.value.request_id) == (status, None)


def test_end_with_a_request_under_way(tmp_path: Path) -> None:
    """Told to end, a function finishes a request that came through the gateway."""
    process = FunctionProcess("tests.probe:app", ROOT, environment(LOG_DIR=str(tmp_path)))
    with process as running, ThreadPoolExecutor(1) as threads, openfaas_gateway(
            {"probe": f"{running.host}:{running.port}"}) as url:
        slow = threads.submit(ask, url, "/function/probe/slow/800")
        wait_until_busy(running)
        running.terminate()
        assert slow.result().status == 200
        running.wait()
        assert ask(url, "/function/probe/me/x").status == 500
    assert process.exit_status == 0


def wait_until_busy(function: FunctionProcess) -> None:
    """Return once a request has arrived and is being worked on, beside the one that asks."""
    deadline = time.monotonic() + 10
    while b"imgclass_http_requests_in_progress 2.0" not in function.get("/metrics").body:
        assert time.monotonic() < deadline


def client_of(gateway: str, name: str) -> Client:
    return Client(f"{gateway}/function/{name}", tokens.hs256(USER))
