"""A postman between an object store and predict, as unreliable as networks are."""
from __future__ import annotations

import http.client
import random
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

TIMEOUT_SECONDS = 10


class Letter(NamedTuple):
    """A notification on its way."""

    path: str
    headers: dict[str, str]
    body: bytes


class UnreliablePost:
    """Passes requests on to a function, but loses, repeats or withholds a share of them.

    What is lost or withheld is acknowledged all the same; what is withheld is delivered behind
    the next one. `counts` says what was done to how many.
    """

    def __init__(self, host: str, port: int, share: float, seed: int) -> None:
        self._target = (host, port)
        self._share = share
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._withheld: list[Letter] = []
        self.counts = {"delivered": 0, "lost": 0, "repeated": 0, "withheld": 0, "failed": 0}
        post = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = post.carry(Letter(self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments: object) -> None:
                """A store that was killed hangs up in the middle of a request."""

        self._server = Server((host, 0), Handler)
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def lose_everything(self) -> None:
        """Acknowledge all from now on, and deliver nothing."""
        self._share = float("inf")

    def carry(self, letter: Letter) -> int:
        """Do with a notification what befalls it; the status its sender gets."""
        with self._lock:
            fate = self._random.random() / self._share if self._share else 1.0
            waiting, self._withheld = self._withheld, []
            if 1 / 3 <= fate < 2 / 3:
                self._withheld = [letter]
        if fate < 1 / 3:
            return self._note("lost", 200)
        if fate < 2 / 3:
            return self._note("withheld", 200)
        status = self._deliver(letter)
        for late in waiting:
            self._deliver(late)
        if fate < 1:
            self._note("repeated", self._deliver(letter))
        return status

    def _deliver(self, letter: Letter) -> int:
        connection = http.client.HTTPConnection(*self._target, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", letter.path, letter.body, {
                name: letter.headers[name] for name in ("Authorization", "Content-Type")
                if name in letter.headers})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return self._note("failed", 502)
        finally:
            connection.close()
        return self._note("delivered" if status < 300 else "failed", status)

    def _note(self, what: str, status: int) -> int:
        with self._lock:
            self.counts[what] += 1
        return status

    def __enter__(self) -> UnreliablePost:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):
            self._server.shutdown()
        self._thread.join()
        self._server.server_close()
