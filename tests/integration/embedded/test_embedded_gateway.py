"""The gateway before real servers: what it lets through, what it refuses, and how it says so."""
from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.gateway import Gateway
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import Ports
from imgclass.embedded.process import Processes
from tests.integration.embedded.upstream import PROBLEM, serving

ROOT = Path(__file__).resolve().parents[3]
BODY_LIMIT, BATCH_LIMIT, MODEL_LIMIT = 1000, 3000, 5000
ID = "0123456789abcdef0123456789abcdef"

ROUTES = {
    "/api/v1/predict": ("predict", "/api/v1/predict"),
    "/api/v1/predict?top_k=3&a=%2F": ("predict", "/api/v1/predict?top_k=3&a=%2F"),
    "/api/v1/predict/batch": ("predict", "/api/v1/predict/batch"),
    "/api/v1/uploads": ("predict", "/api/v1/uploads"),
    "/api/v1/uploads/7": ("predict", "/api/v1/uploads/7"),
    "/v2": ("predict", "/v2"),
    "/v2/models/x/infer": ("predict", "/v2/models/x/infer"),
    "/api/v1/predictions": ("history", "/api/v1/predictions"),
    "/api/v1/predictions/7": ("history", "/api/v1/predictions/7"),
    "/api/v1/images/7/content": ("history", "/api/v1/images/7/content"),
    "/api/v1/users/me": ("history", "/api/v1/users/me"),
    "/api/v1/users": ("history", "/api/v1/users"),
    "/api/v1/models": ("model-admin", "/api/v1/models"),
    "/api/v1/models/v1/activate": ("model-admin", "/api/v1/models/v1/activate"),
    "/api/v1/replays": ("model-admin", "/api/v1/replays"),
    "/api/v1/backfills": ("model-admin", "/api/v1/backfills"),
    "/api/v1/webhooks/7/deliveries": ("model-admin", "/api/v1/webhooks/7/deliveries"),
    "/api/v1/datasets/export": ("model-admin", "/api/v1/datasets/export"),
    "/api/v1/events?state=dead": ("model-admin", "/api/v1/events?state=dead"),
    "/api/v1/drift": ("model-admin", "/api/v1/drift"),
    "/api/v1/audit?limit=1": ("model-admin", "/api/v1/audit?limit=1"),
    "/function/predict/api/v1/predict?x=1": ("predict", "/api/v1/predict?x=1"),
    "/function/predict/v2/health/live": ("predict", "/v2/health/live"),
    "/function/predict/api/v1/predict/batch": ("predict", "/api/v1/predict/batch"),
    "/function/predict/v2/models/x/infer": ("predict", "/v2/models/x/infer"),
    "/function/predict/health": ("predict", "/health"),
    "/function/history/api/v1/predictions": ("history", "/api/v1/predictions"),
    "/function/history/health": ("history", "/health"),
    "/function/model-admin/api/v1/models": ("model-admin", "/api/v1/models"),
    "/function/model-admin/api/v1/models/v1": ("model-admin", "/api/v1/models/v1"),
    # What is sent on is the path as it was compared, never another spelling of it.
    "//api//v1/predict": ("predict", "/api/v1/predict"),
    "/metrics/../api/v1/predict": ("predict", "/api/v1/predict"),
    "/api/v1/models/%2e%2e/predictions": ("history", "/api/v1/predictions"),
    "/api/v1/models/a%20b%3Fc%23d%25": ("model-admin", "/api/v1/models/a%20b%3Fc%23d%25"),
}

HIDDEN = [
    "/consolex", "/console/../deploy/gateway/start", "/console/%2e%2e/README.md", "/site",
    "/metrics", "//metrics", "/./metrics", "/%6detrics", "/METRICS", "/metrics/",
    "/_/ready", "/_/health", "/%5f/ready", "//_//ready", "/events/storage", "/events/drain",
    "/events/erasures", "/function/history/events/erasures", "/api/v1/auditx",
    "/function", "/function/predict", "/function/predict/", "/function/predict/metrics",
    "/function/predict//metrics", "/function/predict/../metrics",
    "/function/predict/%2e%2e/metrics",
    "/function/predict/..%2fmetrics", "/function/predict/_/ready",
    "/function/predict/events/storage", "/function/history/_/health",
    "/function/predict/api/v1/../../metrics", "/function/predict/api/v1/%2e%2e%2f%2e%2e%2fmetrics",
    "/function/predict/health/../metrics", "/function/predict/v2/../_/ready",
    "/function/other/health", "/function/predictx/health", "/function/predict/healthx",
    "/function/predict/api/v1", "/function/predict/api/v2/x",
    "/api/v1/predict/../../../_/ready", "/api/v1/..%2f..%2fmetrics", "/api/v1/predictx",
    "/api/v1/modelsx", "/api/v1", "/api/v2/predict", "/v2x", "/v20/models", "/_problem",
    "/%5fproblem", "/health/", "/healthx",
]


class Answer(NamedTuple):
    """An answer with its body read."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(ROOT, tmp_path_factory.mktemp("a path with a $pace") / "var")
    layout.prepare()
    return layout


@pytest.fixture(scope="module")
def gateway(layout: Layout) -> Iterator[Gateway]:
    """A gateway in front of three stand-ins."""
    processes = Processes(layout.run, layout.logs)
    with ExitStack() as stack:
        functions = {
            name: stack.enter_context(serving(name))
            for name in ("predict", "history", "model-admin")}
        stack.callback(processes.stop, ["gateway"])
        gateway = Gateway(
            layout, processes, "127.0.0.1", Ports(layout.ports).settle(False, "gateway"),
            os.defpath, functions,
            {"MAX_BODY_BYTES": str(BODY_LIMIT), "MAX_BATCH_BYTES": str(BATCH_LIMIT),
             "MAX_MODEL_BYTES": str(MODEL_LIMIT)})
        gateway.start()
        yield gateway


def ask(
    gateway: Gateway, path: str, method: str = "GET", headers: dict[str, str] | None = None,
    body: bytes | Iterator[bytes] | None = None,
) -> Answer:
    """Send a request whose path goes out as it is written; an iterator is sent in chunks."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=True)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def send_raw(gateway: Gateway, request: bytes) -> bytes:
    """Send bytes, and return all that comes back until the gateway hangs up."""
    with socket.create_connection((gateway.host, gateway.port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def assert_problem(answer: Answer, status: int, kind: str) -> None:
    assert answer.status == status
    assert answer.headers.get_all("Content-Type") == ["application/problem+json"]
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert (document["type"], document["status"]) == (f"urn:imgclass:problem:{kind}", status)
    assert answer.headers.get_all("X-Request-Id") == [document["request_id"]]


@pytest.mark.parametrize(("path", "expected"), ROUTES.items())
def test_path_reaches_its_function(
    gateway: Gateway, path: str, expected: tuple[str, str]
) -> None:
    """Each path of the API reaches the function that serves it, as that function knows it."""
    answer = ask(gateway, path)
    assert (answer.json()["function"], answer.json()["uri"]) == expected


@pytest.mark.parametrize("path", HIDDEN)
def test_all_else_does_not_exist(gateway: Gateway, path: str) -> None:
    """Whatever is not listed answers 404 from the gateway, however it is spelt."""
    assert_problem(ask(gateway, path), 404, "not-found")


def test_health_is_the_gateways_own(gateway: Gateway) -> None:
    """GET /health answers for the gateway without asking a function."""
    answer = ask(gateway, "/health")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"] == "application/json"


def test_every_method_is_passed_on(gateway: Gateway) -> None:
    """Methods are the functions' business."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert ask(gateway, "/api/v1/predictions/7", method).status == 200


def test_host_and_port_are_passed_on(gateway: Gateway) -> None:
    """A function learns the address the client used."""
    answer = ask(gateway, "/api/v1/predict")
    assert answer.json()["host"] == f"{gateway.host}:{gateway.port}"


@pytest.mark.parametrize("path", ["/api/v1/predict", "/function/predict/api/v1/predict"])
def test_body_up_to_the_limit_passes(gateway: Gateway, path: str) -> None:
    """A body of just the allowed size arrives whole, with a length and in chunks."""
    for body in (b"x" * BODY_LIMIT, iter([b"x" * BODY_LIMIT])):
        assert ask(gateway, path, "POST", body=body).json()["received"] == BODY_LIMIT


@pytest.mark.parametrize("path", [
    "/api/v1/predict", "/function/predict/api/v1/predict", "/api/v1/models/v1/activate",
    "/function/model-admin/api/v1/models/", "/metrics"])
def test_longer_body_is_refused(gateway: Gateway, path: str) -> None:
    """One byte more is 413, announced by its length or found out in chunks."""
    for body in (b"x" * (BODY_LIMIT + 1), iter([b"x" * BODY_LIMIT, b"x"])):
        answer = ask(gateway, path, "POST", body=body)
        if path == "/metrics" and answer.status == 404:
            continue  # chunks sent to nowhere are not counted
        assert_problem(answer, 413, "payload-too-large")


@pytest.mark.parametrize(("path", "limit"), [
    ("/api/v1/models", MODEL_LIMIT), ("/function/model-admin/api/v1/models", MODEL_LIMIT),
    ("/api/v1/predict/batch", BATCH_LIMIT),
    ("/function/predict/api/v1/predict/batch", BATCH_LIMIT),
    ("/v2/models/x/infer", BATCH_LIMIT), ("/v2/models/x/versions/1/infer", BATCH_LIMIT),
    ("/function/predict/v2/models/x/infer", BATCH_LIMIT)])
def test_limits_of_their_own(gateway: Gateway, path: str, limit: int) -> None:
    """A model archive and several pictures may be larger than other bodies, but not without end.
    """
    for body in (b"x" * limit, iter([b"x" * limit])):
        assert ask(gateway, path, "POST", body=body).json()["received"] == limit
    for body in (b"x" * (limit + 1), iter([b"x" * limit, b"x"])):
        assert_problem(ask(gateway, path, "POST", body=body), 413, "payload-too-large")


@pytest.mark.parametrize("sent", ["a", ID, "A.b_c-9", "x" * 128])
def test_request_keeps_its_name(gateway: Gateway, sent: str) -> None:
    """A plain X-Request-Id is what the function and the client see, once."""
    answer = ask(gateway, "/api/v1/predict", headers={"X-Request-Id": sent})
    assert answer.json()["request_id"] == sent
    assert answer.headers.get_all("X-Request-Id") == [sent]


@pytest.mark.parametrize("sent", [None, "", "x" * 129, 'a"b', "a b", "ä", "{}", "a/b"])
def test_bad_name_is_replaced(gateway: Gateway, sent: str | None) -> None:
    """A request without a name, or with one that is no plain name, gets a random one."""
    headers = {} if sent is None else {"X-Request-Id": sent}
    answer = ask(gateway, "/api/v1/predict", headers=headers)
    given = answer.json()["request_id"]
    assert len(given) == 32 and given.isalnum() and given != sent
    assert answer.headers.get_all("X-Request-Id") == [given]


def test_nameless_answer_is_named(gateway: Gateway) -> None:
    """An answer that does not name its request gets the name from the gateway."""
    answer = ask(gateway, "/api/v1/predict?unnamed", headers={"X-Request-Id": "mine"})
    assert answer.headers.get_all("X-Request-Id") == ["mine"]


def test_own_problem_names_the_request(gateway: Gateway) -> None:
    """The gateway's own errors carry the client's request id, in the header and in the body."""
    answer = ask(gateway, "/nowhere?token=secret", headers={"X-Request-Id": "mine"})
    assert_problem(answer, 404, "not-found")
    assert answer.json()["request_id"] == "mine"
    assert answer.json()["instance"] == "/nowhere"


def test_functions_problem_passes_unchanged(gateway: Gateway) -> None:
    """A function's problem document is not replaced by the gateway's."""
    answer = ask(gateway, "/api/v1/predict?problem")
    assert (answer.status, answer.body.decode()) == (422, PROBLEM)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [b'/a"b', b"/a\\b", b'/","status":"200', b"/\xff\xfe", b"/<b>"])
def test_path_cannot_forge_a_problem(gateway: Gateway, path: bytes) -> None:
    """Whatever is in the path, the problem stays valid JSON and names no foreign instance."""
    raw = send_raw(
        gateway, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["instance"] == "/"


@pytest.mark.parametrize(("request_bytes", "status", "kind"), [
    (b"TRACE /api/v1/predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405,
     "method-not-allowed"),
    (b"GET /api/v1/predict HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad-request"),
    (b"nonsense\r\n\r\n", 400, "bad-request"),
    (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri-too-long"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000 + b"\r\n\r\n", 400, "bad-request"),
    (b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n"
     b"Connection: close\r\n\r\n", 501, "not-implemented"),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "http-version-not-supported"),
], ids=["trace", "no-host", "nonsense", "long-path", "long-header", "encoding", "version"])
def test_malformed_request_gets_a_problem(
    gateway: Gateway, request_bytes: bytes, status: int, kind: str
) -> None:
    """Even what cannot be understood is answered with a problem, never with HTML."""
    head, _, body = send_raw(gateway, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == f"urn:imgclass:problem:{kind}"


def test_version_is_not_told(gateway: Gateway) -> None:
    """No answer names the version of the server."""
    for path in ("/health", "/nowhere"):
        assert ask(gateway, path).headers["Server"] == "nginx"


def test_log_has_no_query_strings(gateway: Gateway, layout: Layout) -> None:
    """The access log is JSON lines with the request's name and path, and without its query."""
    ask(gateway, "/api/v1/predictions?cursor=hidden-cursor", headers={"X-Request-Id": "logged"})
    deadline, text = time.monotonic() + 10, ""
    while '"logged"' not in text:  # nginx writes the line behind the answer
        assert time.monotonic() < deadline
        text = (layout.logs / "gateway-access.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    line = next(line for line in lines if line["request_id"] == "logged")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/predictions", 200)
    assert line["seconds"] >= 0
    assert "hidden-cursor" not in text


def test_unreachable_function_is_502(layout: Layout, gateway: Gateway) -> None:
    """Without its function a path answers 502 and says when to come back; the others work."""
    dead = Ports(layout.ports).settle(False, "dead")
    other = Layout(ROOT, layout.var.with_name("other"))
    other.prepare()
    processes = Processes(other.run, other.logs)
    half = Gateway(
        other, processes, "127.0.0.1", Ports(layout.ports).settle(False, "half"), os.defpath,
        {**gateway.functions, "predict": f"127.0.0.1:{dead}"}, {})
    try:
        half.start()
        for _ in range(3):
            answer = ask(half, "/api/v1/predict", "POST", body=b"x")
            assert_problem(answer, 502, "bad-gateway")
            assert answer.headers["Retry-After"] == "2"
        assert ask(half, "/api/v1/predictions").status == 200
    finally:
        processes.stop(["gateway"])


def test_port_in_use_is_one_line(gateway: Gateway, layout: Layout) -> None:
    """A port that somebody else listens on is named, with the way to take another."""
    other = Layout(ROOT, layout.var.with_name("third"))
    other.prepare()
    second = Gateway(
        other, Processes(other.run, other.logs), gateway.host, gateway.port, os.defpath,
        gateway.functions, {})
    with pytest.raises(StackError, match=f"port {gateway.port} .* in use .*API_PORT="):
        second.start()


def test_changed_settings_take_effect(gateway: Gateway) -> None:
    """Starting again keeps the process as it is, unless its configuration is another."""
    before = gateway.processes.running("gateway")
    assert gateway.start() is False
    assert gateway.processes.running("gateway") == before
    limits = gateway.settings
    gateway.settings = {**limits, "MAX_BODY_BYTES": "10"}
    try:
        assert gateway.start() is True
        assert ask(gateway, "/api/v1/predict", "POST", body=b"x" * 11).status == 413
    finally:
        gateway.settings = limits
        gateway.start()


def test_console(gateway: Gateway) -> None:
    """The console is served whatever the checkout's path is, packed for who takes that, and what
    it lacks is told as everywhere; the root leads to it."""
    page = ask(gateway, "/console/")
    assert (page.status, page.body) == (200, (ROOT / "console/index.html").read_bytes())
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    packed = ask(gateway, "/console/js/main.js", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == (ROOT / "console/js/main.js").read_bytes()
    assert ask(gateway, "/console/x.js").headers["Content-Type"] == "application/problem+json"
    for path in ("/", "/console"):
        assert ask(gateway, path).headers["Location"] == "/console/"
