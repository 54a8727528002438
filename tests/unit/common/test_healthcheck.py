"""The probe that the images' HEALTHCHECK runs."""
from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from imgclass.embedded.ports import free_port

SCRIPT = Path(__file__).parents[3] / "common/healthcheck.py"


@contextmanager
def function(status: int) -> Iterator[int]:
    """The port of a server that answers /_/health with `status`, and nothing else with 200."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/_/health" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def probed(port: int) -> int:
    return subprocess.run(
        [sys.executable, "-IS", str(SCRIPT), str(port)], timeout=30).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 1), (500, 1), (503, 1)])
def test_answer(status: int, code: int) -> None:
    """Only a function that says it is alive is."""
    with function(status) as port:
        assert probed(port) == code


def test_nobody_listens() -> None:
    """No answer is a plain failure, without a traceback for every probe."""
    done = subprocess.run(
        [sys.executable, "-IS", str(SCRIPT), str(free_port())], timeout=30, capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"")
