"""A receiver of webhooks on loopback, which remembers what it was sent."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from imgclass.embedded.ports import free_port

PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Delivery:
    """One POST: its path, its Authorization header, its JSON."""

    path: str
    authorization: str | None
    body: Any

    def keys(self) -> set[str]:
        """The keys of the objects it tells of, as MinIO or SeaweedFS would name them."""
        return {str(self.body.get(name, "")) for name in ("Key", "key")} - {""}


class EventReceiver:
    """Answers every POST with 204; entered again, it listens on the same port."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/events/storage"

    def about(self, key: str) -> list[Delivery]:
        """The deliveries that tell of an object, or of several whose keys end like this."""
        return [each for each in list(self.deliveries)
                if any(name.endswith(key) for name in each.keys())]

    def wait_for(self, key: str) -> Delivery:
        """The first delivery that tells of an object."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.about(key)):
            assert time.monotonic() < deadline, f"nothing was told of {key}"
            time.sleep(0.02)
        return found[0]

    def __enter__(self) -> EventReceiver:
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", self._port), _handler(self.deliveries.append))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(remember: Callable[[Delivery], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A sender that keeps its connection must not keep the server from ending.
        timeout = 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            remember(Delivery(self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
