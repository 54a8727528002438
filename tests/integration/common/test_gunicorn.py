"""A function behind a real gunicorn: no body is ever cut short in silence, no request lost."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import tokens
from tests.environments import environment
from tests.function_process import ROOT, Connection, FunctionProcess, form
from tests.probe import BODY_LIMIT

FORM = "multipart/form-data; boundary=limit"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    logs = tmp_path_factory.mktemp("logs")
    with FunctionProcess("tests.probe:app", ROOT, environment(LOG_DIR=str(logs))) as running:
        yield running


@pytest.fixture
def connection(probe: FunctionProcess) -> Iterator[Connection]:
    with probe.connect() as made:
        yield made


def headers(**more: str) -> dict[str, str]:
    return {**tokens.bearer("user"), **{name.replace("_", "-"): value
                                        for name, value in more.items()}}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start:start + size]


@pytest.mark.parametrize("path", ["/body", "/pieces"])
@pytest.mark.parametrize("chunk", [100, 8192, 1_000_000])
@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT - 1, BODY_LIMIT])
def test_chunked_body_within_the_limit(
    connection: Connection, path: str, chunk: int, size: int,
) -> None:
    """Up to and with the limit a chunked body arrives whole, whatever its chunks."""
    data = os.urandom(size)
    connection.send_head(path, headers(Transfer_Encoding="chunked"))
    connection.send_chunks(pieces(data, chunk))
    answer = connection.answer()
    assert answer is not None and answer.status == 200
    assert answer.json() == {"size": size, "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("path", ["/body", "/pieces"])
@pytest.mark.parametrize("chunk", [100, 8192, 1_000_000])
@pytest.mark.parametrize("excess", [1, 1000, BODY_LIMIT // 2, BODY_LIMIT])
def test_chunked_body_over_the_limit(
    connection: Connection, path: str, chunk: int, excess: int,
) -> None:
    """One byte over the limit a chunked body is refused, and its sender learns why."""
    connection.send_head(path, headers(Transfer_Encoding="chunked"))
    connection.send_chunks(pieces(bytes(BODY_LIMIT + excess), chunk))
    answer = connection.answer()
    assert answer is not None and answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:imgclass:problem:payload-too-large"


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(("size", "status"), [
    (100_000, 200), (BODY_LIMIT - 1000, 200), (BODY_LIMIT, 413), (BODY_LIMIT * 2 - 1000, 413)])
def test_form(connection: Connection, chunked: bool, size: int, status: int) -> None:
    """A form with a picture in it is under the same limit: a file never arrives shortened."""
    body = form("limit", {"user_id": "me"}, os.urandom(size))
    length = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": str(len(body))}
    connection.send_head("/form", headers(Content_Type=FORM, **length))
    if chunked:
        connection.send_chunks(pieces(body, 8192))
    else:
        connection.send(body)
    answer = connection.answer()
    assert answer is not None and answer.status == status
    if status == 200:
        assert (answer.json()["size"], answer.json()["fields"]) == (size, ["user_id"])


def test_endless_body(connection: Connection) -> None:
    """A body without an end is not listened to for ever."""
    connection.send_head("/body", headers(Transfer_Encoding="chunked"))
    chunk = b"%x\r\n%s\r\n" % (50_000, bytes(50_000))
    sent = 0
    while connection.send(chunk):
        sent += 50_000
        assert sent < 100 * BODY_LIMIT
    answer = connection.answer()
    assert answer is None or answer.status == 413


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 2 * BODY_LIMIT])
def test_declared_length_over_the_limit(connection: Connection, size: int) -> None:
    """A body that says it is too large is refused."""
    connection.send_head("/body", headers(Content_Length=str(size)))
    connection.send(bytes(size))
    answer = connection.answer()
    assert answer is not None and answer.status == 413


def test_declared_length_within_the_limit(connection: Connection) -> None:
    """A body with a Content-Length arrives whole, up to and with the limit."""
    connection.send_head("/body", headers(Content_Length=str(BODY_LIMIT)))
    connection.send(bytes(BODY_LIMIT))
    answer = connection.answer()
    assert answer is not None and answer.status == 200
    assert answer.json()["size"] == BODY_LIMIT


def test_body_that_ends_early(connection: Connection) -> None:
    """Who hangs up in the middle of a body has not sent a smaller one."""
    connection.send_head("/body", headers(Content_Length="1000"))
    connection.send(bytes(999))
    connection.end_sending()
    answer = connection.answer()
    assert answer is not None and answer.status == 400


def test_chunked_body_that_ends_early(connection: Connection) -> None:
    """A chunked body without its last chunk is not whole either."""
    connection.send_head("/body", headers(Transfer_Encoding="chunked"))
    connection.send(b"5\r\nhello\r\n")
    connection.end_sending()
    answer = connection.answer()
    assert answer is not None and answer.status == 400


@pytest.mark.parametrize("chunk", [
    b"zz\r\nhello\r\n", b"5\r\nhello world\r\n", b"-5\r\nhello\r\n"])
def test_malformed_chunks(connection: Connection, chunk: bytes) -> None:
    """Chunks that make no sense are the client's fault, not ours."""
    connection.send_head("/body", headers(Transfer_Encoding="chunked"))
    connection.send(chunk + b"0\r\n\r\n")
    answer = connection.answer()
    assert answer is not None and answer.status == 400


def test_compressed_body(connection: Connection) -> None:
    """Compressed bodies are refused, chunked or not."""
    connection.send_head("/body", headers(
        Transfer_Encoding="chunked", Content_Encoding="gzip"))
    connection.send_chunks([b"\x1f\x8b"])
    answer = connection.answer()
    assert answer is not None and answer.status == 415


@pytest.mark.parametrize("path", ["/unread", "/body"])
def test_kept_connection(connection: Connection, path: str) -> None:
    """What is left of a refused or unread body is not taken for the next request."""
    smuggled = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
    head = {} if path == "/body" else headers()  # the one has no token, the other no reader
    for _ in range(3):
        connection.send_head(path, {**head, "Content-Length": str(len(smuggled))})
        connection.send(smuggled)
        answer = connection.answer()
        assert answer is not None
        assert answer.status == (401 if path == "/body" else 200)


def test_requests_on_one_connection(probe: FunctionProcess) -> None:
    """A client may send its next request at once or later: by then its thread has gone, and was
    free for others all the while."""
    with probe.connect() as connection:
        for pause in (0, 0.001, 0.02, 0, 0.05):
            time.sleep(pause)
            connection.send_head("/me/x", headers(), "GET")
            answer = connection.answer()
            assert answer is not None and answer.status == 200
        clients = [probe.connect() for _ in range(100)]
        for client in clients:
            client.send_head("/me/x", headers(), "GET")
        for client in clients:
            with client:
                answer = client.answer()
                assert answer is not None and answer.status == 200


def test_two_lengths(connection: Connection) -> None:
    """A request whose end can be understood in two ways gets no answer but a refusal."""
    connection.send_head("/body", headers(Transfer_Encoding="chunked", Content_Length="5"))
    connection.send(b"0\r\n\r\n")
    answer = connection.answer()
    assert answer is not None and answer.status == 400


@pytest.mark.parametrize("head, status", [
    (b"GET /me/x?q=" + b"a" * 8200 + b" HTTP/1.1\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    (b"nonsense\r\n\r\n", 400), (b"GET / HTTP/7.5\r\n\r\n", 400), (b"\0\xff\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
    (b"POST /body HTTP/1.1\r\nTransfer-Encoding: sausage\r\n\r\n", 501),
    (b"POST /body HTTP/1.1\r\nContent-Length: five\r\n\r\n", 400),
])
def test_malformed_requests(connection: Connection, head: bytes, status: int) -> None:
    """What is no request is answered with a problem, which gives nothing of it back."""
    connection.send(head)
    answer = connection.answer()
    assert answer is not None and answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-Id"]
    assert set(document) == {"type", "title", "status", "detail", "instance", "request_id"}


def test_long_query(probe: FunctionProcess) -> None:
    """A query of eight thousand characters is read."""
    assert probe.get("/me/x?q=" + "a" * 8100, headers()).status == 200


def test_requests_at_once(probe: FunctionProcess) -> None:
    """A slow request does not hold up the others."""
    with ThreadPoolExecutor(6) as threads:
        slow = [threads.submit(probe.get, "/slow/1500", headers()) for _ in range(5)]
        assert probe.get("/health").status == 200
        assert not any(each.done() for each in slow)
        assert [each.result().status for each in slow] == [200] * 5


def test_forwarded_path_is_ignored(probe: FunctionProcess) -> None:
    """No header makes a path out of another one."""
    for name in ("Script-Name", "X-Script-Name", "X-Forwarded-Prefix", "Path-Info", "X-Path-Info"):
        assert probe.get("/me/x", {name: "/me"}).status == 401
        assert probe.get("/me/x", {name: "/health"}).status == 401


def test_graceful_end(tmp_path: Path) -> None:
    """Asked to end, a function finishes what it has begun; all it says is JSON."""
    process = FunctionProcess("tests.probe:app", ROOT, environment(LOG_DIR=str(tmp_path)))
    with process as running, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(running.get, "/slow/800", headers())
        deadline = time.monotonic() + 10  # the end is asked for once the request has arrived
        while b"imgclass_http_requests_in_progress 2.0" not in running.get("/metrics").body:
            assert time.monotonic() < deadline
        running.terminate()
        assert slow.result().status == 200
    assert process.exit_status == 0
    for line in process.output.splitlines():
        assert {"level", "message", "time"} <= set(json.loads(line)), line


@pytest.mark.parametrize(("name", "text"), [("POSTGRES_USER", ""), ("PORT", "http")])
def test_bad_settings(tmp_path: Path, name: str, text: str) -> None:
    """With a setting missing or malformed nothing starts, and one line names it."""
    process = FunctionProcess("tests.probe:app", ROOT, environment())
    done = subprocess.run(
        process.command, cwd=ROOT, env={**process.environ, name: text}, timeout=30,
        capture_output=True, text=True)
    assert done.returncode != 0
    words = (done.stdout + done.stderr).strip()
    assert name in words
    assert len(words.splitlines()) == 1
