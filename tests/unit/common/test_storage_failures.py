"""The S3 adapters against a server that fails in every way a server can."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common import s3_client as client_module
from common.errors import StoreUnavailable
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.storage import ObjectStore
from tests.contracts.object_store import ADAPTERS, WRITING
from tests.environments import settings

Answer = Callable[[BaseHTTPRequestHandler], None]


class FailingServer(ThreadingHTTPServer):
    """Gives the same `answer` to every request, after reading its body."""

    daemon_threads = True
    answer: Answer


class Handler(BaseHTTPRequestHandler):
    server: FailingServer
    protocol_version = "HTTP/1.1"

    def do_ANY(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = True
        self.server.answer(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_ANY

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""


def error(status: int, code: str) -> Answer:
    """An S3 error document."""
    body = f"<Error><Code>{code}</Code><Message>host db-7</Message></Error>".encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer at all."""


def no_http(handler: BaseHTTPRequestHandler) -> None:
    """A server of another kind."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    """An object whose last bytes never come."""
    handler.send_response(200)
    handler.send_header("Content-Type", "image/jpeg")
    handler.send_header("Content-Length", "1000")
    handler.send_header("ETag", '"0"')
    handler.send_header("Last-Modified", "Thu, 26 Nov 2026 00:40:28 GMT")
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(bytes(500))


@pytest.fixture(scope="module")
def server() -> Iterator[FailingServer]:
    with FailingServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=ADAPTERS)
def store(server: FailingServer, request: pytest.FixtureRequest) -> ObjectStore:
    """Each adapter."""
    place = settings(MINIO_ENDPOINT=f"127.0.0.1:{server.server_port}")
    return ADAPTERS[request.param](place, "images", 2)


ANSWERS: dict[str, Answer] = {
    "access denied": error(403, "AccessDenied"), "wrong key": error(403, "InvalidAccessKeyId"),
    "wrong clock": error(403, "RequestTimeTooSkewed"), "full": error(507, "XMinioStorageFull"),
    "slow down": error(503, "SlowDown"), "internal": error(500, "InternalError"),
    "no bucket": error(404, "NoSuchBucket"), "hang up": hang_up, "no http": no_http,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_failure(
    kind: str, server: FailingServer, store: ObjectStore, tmp_path: Path,
) -> None:
    """However the server fails, every method says that the store does not answer, no more."""
    server.answer = ANSWERS[kind]
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    attempts: dict[str, Callable[[], object]] = {
        "put": lambda: store.put("key", b"data", "image/jpeg"), "get": lambda: store.get("key"),
        "upload": lambda: store.upload("key", path), "delete": lambda: store.delete("key"),
        "ping": store.ping, "copy": lambda: store.copy("key", "other", "image/jpeg", WRITING),
    }
    if kind != "no bucket":  # HEAD has no body to tell a bucket from an object
        attempts["download"] = lambda: store.download("key", path)
    for name, attempt in attempts.items():
        with pytest.raises(StoreUnavailable) as caught:
            attempt()
        assert "db-7" not in str(caught.value), name


def test_copy_fails_late(server: FailingServer, store: ObjectStore) -> None:
    """A copy that fails once its status was sent is not taken for a copy."""
    server.answer = error(200, "InternalError")
    with pytest.raises(StoreUnavailable):
        store.copy("key", "other", "image/jpeg", WRITING)


def test_object_cut_short(server: FailingServer, store: ObjectStore, tmp_path: Path) -> None:
    """An object that breaks off is never taken for the whole."""
    server.answer = cut_short
    with pytest.raises(StoreUnavailable):
        b"".join(store.get("key").chunks)
    with pytest.raises(StoreUnavailable):
        store.download("key", tmp_path / "file")


def test_server_that_never_answers(
    server: FailingServer, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that takes the request and says nothing is given up after a while."""
    monkeypatch.setattr(client_module, "READ_TIMEOUT_SECONDS", 0.1)
    released = threading.Event()
    server.answer = lambda handler: released.wait(10) and None
    endpoint = f"127.0.0.1:{server.server_port}"
    impatient = S3ObjectStore(
        s3_client(settings(MINIO_ENDPOINT=endpoint), connections=2), "images")
    try:
        with pytest.raises(StoreUnavailable):
            impatient.put("key", b"data", "image/jpeg")
    finally:
        released.set()
