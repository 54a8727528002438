"""Clients that take their time, that are too many, or that never hang up: others are answered."""
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import pytest

from tests import tokens
from tests.environments import environment
from tests.function_process import ROOT, Answer, FunctionProcess
from tests.integration.common.slow_clients import SlowClients

SLOW = 100
HEADERS = tokens.bearer("user")
TOKEN = f"Authorization: {HEADERS['Authorization']}\r\n"

KINDS = {
    "silent": (b"", b""),
    "heads": (b"GET /me/x HTTP/1.1\r\n", b"X-Slow: 1\r\n"),
    "bodies": (
        f"POST /body HTTP/1.1\r\nHost: test\r\n{TOKEN}Content-Length: 100000\r\n\r\n".encode(),
        b"x"),
    "chunked bodies": (f"POST /form HTTP/1.1\r\nHost: test\r\n{TOKEN}"
                       "Content-Type: multipart/form-data; boundary=x\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\nx\r\n"),
    "bodies without a token": (
        b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "readers": (f"GET /large HTTP/1.1\r\nHost: test\r\n{TOKEN}\r\n".encode(), b""),
    "lingerers": (b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", b""),
    "kept": (b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n", b""),
}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    logs = tmp_path_factory.mktemp("logs")
    with FunctionProcess("tests.probe:app", ROOT, environment(LOG_DIR=str(logs))) as running:
        yield running


def slow(probe: FunctionProcess, kind: str, count: int = SLOW) -> SlowClients:
    begun, then = KINDS[kind]
    return SlowClients(probe.host, probe.port, count, begun, then)


def get_patiently(probe: FunctionProcess, path: str) -> int:
    """Ask as a client does that comes again when it is told to: the status of the last answer.

    A hundred requests at once are more than fit until the first have been worked on.
    """
    deadline = time.monotonic() + 10
    while True:
        answer = probe.get(path, HEADERS)
        if "Retry-After" not in answer.headers or time.monotonic() > deadline:
            return answer.status
        time.sleep(0.1)


def upload_slowly(probe: FunctionProcess) -> int:
    """Send a body in pieces, as an honest client on a bad line does; the status of the answer."""
    with probe.connect() as connection:
        connection.send_head("/body", {**HEADERS, "Content-Length": "50000"})
        for _ in range(5):
            time.sleep(0.1)
            connection.send(bytes(10_000))
        answer = connection.answer()
        return answer.status if answer else 0


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered(probe: FunctionProcess, kind: str) -> None:
    """100 connections of every slow kind keep nobody out."""
    with slow(probe, kind):
        for path in ("/me/x", "/health", "/me/x"):
            assert get_patiently(probe, path) == 200
        assert upload_slowly(probe) == 200


def test_all_kinds_at_once(probe: FunctionProcess) -> None:
    """Nor do all kinds together, 800 connections."""
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(slow(probe, kind))
        assert get_patiently(probe, "/me/x") == 200
        assert upload_slowly(probe) == 200


def test_slowest_are_sent_away(probe: FunctionProcess) -> None:
    """Of too many slow bodies those that were begun first are given up, and told so."""
    with slow(probe, "bodies", 40) as clients:
        deadline = time.monotonic() + 20
        statuses: Counter[bytes] = Counter()
        while statuses[b"HTTP/1.1 408"] < 8 and time.monotonic() < deadline:
            statuses.update(answer[:12] for answer in clients.answered() if answer)
            time.sleep(0.05)
    assert statuses == {b"HTTP/1.1 408": statuses[b"HTTP/1.1 408"]}
    assert statuses[b"HTTP/1.1 408"] >= 8


def test_more_silent_connections_than_fit(probe: FunctionProcess) -> None:
    """Who connects and says nothing makes way for who does."""
    with slow(probe, "silent", 700) as clients:
        assert probe.get("/me/x", HEADERS).status == 200
        assert clients.answered().count(b"") >= 100


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    """A function that works on two requests at once, and lets two more wait."""
    logs = tmp_path_factory.mktemp("logs")
    with FunctionProcess("tests.probe:app", ROOT, environment(
            LOG_DIR=str(logs), WEB_THREADS="2", MAX_IN_FLIGHT="4")) as running:
        yield running


@contextmanager
def held(function: FunctionProcess, folder: Path, requests: int) -> Iterator[list[Future[Answer]]]:
    """So many requests at once, two of them worked on, that have no answer before the end."""
    end = folder / "end"
    with ThreadPoolExecutor(requests) as threads:
        sent = [threads.submit(function.get, f"/hold?until={end}", HEADERS)
                for _ in range(requests)]
        deadline = time.monotonic() + 20
        try:
            while b"imgclass_http_requests_in_progress 3.0" not in function.get("/metrics").body:
                assert time.monotonic() < deadline
            yield sent
        finally:
            end.touch()


def test_more_requests_than_fit(busy: FunctionProcess, tmp_path: Path) -> None:
    """What can neither be worked on nor wait is refused at once, and told to come again."""
    with ThreadPoolExecutor(8) as threads:
        with held(busy, tmp_path, 2) as working:
            rest = [threads.submit(busy.get, "/slow/0", HEADERS) for _ in range(8)]
            refused = [each.result() for each in islice(as_completed(rest, 20), 6)]
            assert not any(each.done() for each in working)
        assert [each.result().status for each in working] == [200, 200]
        assert Counter(each.result().status for each in rest) == {200: 2, 503: 6}
    for answer in refused:
        assert answer.json()["type"] == "urn:imgclass:problem:overloaded"
        assert int(answer.headers["Retry-After"]) > 0
    assert busy.get("/slow/0", HEADERS).status == 200


def test_refused_before_anything_is_read(busy: FunctionProcess, tmp_path: Path) -> None:
    """A request for which there is no room is refused without its body, and without its token."""
    with held(busy, tmp_path, 4):
        kind, deadline = "", time.monotonic() + 20
        while "overloaded" not in kind:  # until all four have arrived there is room
            assert time.monotonic() < deadline
            with busy.connect() as connection:
                connection.send_head("/body", {"Content-Length": "200000", "X-Timeout-Ms": "20"})
                answer = connection.answer()
                assert answer is not None and answer.status == 503
                kind = answer.json()["type"]


@pytest.mark.parametrize("size, kept", [(100_000, True), (3_000_000, False)])
def test_connection_of_the_refused(
    busy: FunctionProcess, tmp_path: Path, size: int, kept: bool,
) -> None:
    """A refused request leaves its connection to the next one, unless it has too much to say:
    then the answer says that the connection is closed."""
    with held(busy, tmp_path, 4), closing(HTTPConnection(busy.host, busy.port)) as connection:
        status, deadline = 0, time.monotonic() + 20
        for _ in range(3):
            while status != 503:  # until all four have arrived there is room
                assert time.monotonic() < deadline
                with suppress(BrokenPipeError, ConnectionResetError):  # answered while it sent
                    connection.request("POST", "/body", bytes(size), {"X-Timeout-Ms": "20"})
                answer = connection.getresponse()
                answer.read()
                status = answer.status if answer.status != 401 else 0
            assert answer.will_close is not kept
            status = 0


def test_health_of_a_busy_function(busy: FunctionProcess, tmp_path: Path) -> None:
    """Probes are answered at once however many requests wait."""
    with held(busy, tmp_path, 4) as sent:
        for path in ("/health", "/_/health", "/_/ready", "/metrics"):
            assert busy.get(path).status == 200
        assert not any(each.done() for each in sent)


def test_deadline_in_the_line(busy: FunctionProcess, tmp_path: Path) -> None:
    """Who may not wait as long as it would take is told so; nothing of the request is done."""
    with ThreadPoolExecutor(1) as threads:
        with held(busy, tmp_path, 2):
            hurried = busy.get("/slow/0", {**HEADERS, "X-Timeout-Ms": "100"})
            patient = threads.submit(
                busy.get, "/slow/0", {**HEADERS, "X-Timeout-Ms": "30000"})
            assert hurried.status == 503
        assert patient.result().status == 200
    assert hurried.json()["type"] == "urn:imgclass:problem:deadline-exceeded"
    assert int(hurried.headers["Retry-After"]) > 0


def test_two_hundred_clients(probe: FunctionProcess) -> None:
    """200 clients at once get an answer or are asked to come again; nobody is left waiting."""
    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(
            lambda _: probe.get("/slow/20", HEADERS).status, range(600)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= 64
    assert probe.get("/slow/0", HEADERS).status == 200
