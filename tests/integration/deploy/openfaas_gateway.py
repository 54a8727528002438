"""What OpenFaaS puts between a client and a function: its gateway, its provider, its watchdog.

A stand-in that does to requests what they do, as far as a function notices: paths are cut and
decoded, headers are added, bodies are sent on in chunks whatever they came as, and some answers
are not the function's.
"""
from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from flask import Flask, Response, request

from tests.served import served

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
NAMESPACE = "openfaas-fn"
HOP_BY_HOP = {
    "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "te", "trailer", "transfer-encoding", "upgrade"}
PIECE = 1 << 15


@dataclass
class Watchdog:
    """of-watchdog before a function: at most `max_inflight` requests at once, each for so long.

    0 is no limit. A request that takes too long is answered, but the function works on.
    """

    max_inflight: int = 0
    exec_seconds: float = 30.0
    _inflight: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether there is room; it is taken while the context lasts."""
        with self._lock:
            has_room = not self.max_inflight or self._inflight < self.max_inflight
            self._inflight += has_room
        try:
            yield has_room
        finally:
            with self._lock:
                self._inflight -= has_room


@contextmanager
def openfaas_gateway(
    functions: Mapping[str, str], upstream_seconds: float = 60.0,
    watchdogs: Mapping[str, Watchdog] | None = None,
) -> Iterator[str]:
    """Serve it; yields its address. `functions` are host:port, `watchdogs` stand before some."""
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    gateway = _Gateway(functions, upstream_seconds, watchdogs or {})
    for path in ("/function/<name>", "/function/<name>/<path:rest>", "/function/<name>/"):
        app.add_url_rule(path, view_func=gateway.forward, methods=METHODS)
    # Its own API wants a password, which functions do not.
    app.add_url_rule("/system/<path:rest>", view_func=_unauthorized, methods=METHODS)
    with served(app) as url:
        yield url


class _Gateway:
    def __init__(
        self, functions: Mapping[str, str], upstream_seconds: float,
        watchdogs: Mapping[str, Watchdog],
    ) -> None:
        self._functions = functions
        self._upstream_seconds = upstream_seconds
        self._watchdogs = watchdogs

    def forward(self, name: str, rest: str = "") -> Response:
        started = time.time_ns()
        call_id = request.headers.get("X-Call-Id")
        name = name.removesuffix(f".{NAMESPACE}")
        made = {} if call_id else {"X-Call-Id": str(uuid.uuid4())}
        made["X-Start-Time"] = str(started)
        if name in self._functions:
            answer = self._invoke(name, f"/{rest}", {**self._headers(), **made})
        else:
            answer = _proxy_answer(503, f"No endpoints available for: {name}.")
        answer.headers.update({**made, "X-Served-By": "openfaas-ce/stand-in"})
        return answer

    @staticmethod
    def _headers() -> dict[str, str]:
        kept = {header: value for header, value in request.headers.items()
                if header.lower() not in {*HOP_BY_HOP, "host", "content-length"}}
        kept.setdefault("X-Forwarded-Host", request.host)
        kept.setdefault(  # with the port
            "X-Forwarded-For", f"{request.remote_addr}:{request.environ['REMOTE_PORT']}")
        return kept

    def _invoke(self, name: str, path: str, headers: dict[str, str]) -> Response:
        watchdog = self._watchdogs.get(name)
        if watchdog is None:
            try:
                return self._send(name, path, headers, self._upstream_seconds)
            except OSError:
                return _proxy_answer(500, f"Can't reach service for: {name}.")
        if path == "/_/health":
            return Response("OK")
        with watchdog.turn() as has_room:
            if not has_room:
                return Response("Concurrent request limit exceeded.", 429, mimetype="text/plain")
            try:
                return self._send(name, path, headers, watchdog.exec_seconds)
            except TimeoutError:
                return Response(status=504)
            except OSError:
                return Response(status=500, headers={"X-OpenFaaS-Internal": "of-watchdog"})

    def _send(self, name: str, path: str, headers: dict[str, str], seconds: float) -> Response:
        """Raises OSError, which TimeoutError is one of."""
        host, _, port = self._functions[name].rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=seconds)
        try:
            query = request.query_string.decode("latin-1")
            connection.putrequest(
                request.method, quote(path) + (f"?{query}" if query else ""),
                skip_accept_encoding=True)
            for header, value in headers.items():
                connection.putheader(header, value)
            self._send_body(connection)
            found = connection.getresponse()
            answer = Response(found.read(), found.status)
            answer.headers.clear()
            for header, value in found.getheaders():
                if header.lower() not in HOP_BY_HOP:
                    answer.headers.add(header, value)
            # An answer without a type gets that of the request.
            answer.headers.setdefault("Content-Type", request.content_type or "text/plain")
            return answer
        except http.client.HTTPException as error:
            raise ConnectionError("no answer") from error
        finally:
            connection.close()

    @staticmethod
    def _send_body(connection: http.client.HTTPConnection) -> None:
        """In chunks; a body that is empty is none."""
        piece = request.stream.read(PIECE)
        if piece:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        if not piece:
            return
        with suppress(BrokenPipeError, ConnectionResetError):  # there is an answer already
            while piece:
                connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                piece = request.stream.read(PIECE)
            connection.send(b"0\r\n\r\n")


def _proxy_answer(status: int, text: str) -> Response:
    return Response(text, status, headers={"X-OpenFaaS-Internal": "proxy"}, mimetype="text/plain")


def _unauthorized(rest: str) -> Response:
    return Response("invalid credentials", 401, headers={"WWW-Authenticate": "Basic"})
