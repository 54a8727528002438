"""Functions served by gunicorn as in production, and raw requests to them."""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import psutil

from imgclass.embedded.ports import free_port

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 30


class FunctionProcess:
    """gunicorn with the functions' own configuration, on a free port of loopback."""

    host = "127.0.0.1"

    def __init__(self, target: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.command = [sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf",
                        target]
        self.folder = folder
        self.environ = {
            "PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "BIND_HOST": self.host, "PORT": str(self.port), **environ}

    def __enter__(self) -> FunctionProcess:
        # A file, because nobody would read a pipe, and a full one stops the process.
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            self.command, cwd=self.folder, env=self.environ,
            stdout=self._output, stderr=subprocess.STDOUT)
        try:
            self.wait_for("/_/health")
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._output.close()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.terminate()
        try:
            self.exit_status = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self.output = self._written()
            self._output.close()

    def _written(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def terminate(self) -> None:
        """Ask it to end; what it is working on may be finished."""
        self._process.terminate()

    def wait(self) -> None:
        """Return once it has ended."""
        self._process.wait(PATIENCE_SECONDS)

    def wait_for(self, path: str, status: int = 200) -> None:
        """Return once a GET gets this status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen: object = None
        while seen != status:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended: {self._written()}")
            assert time.monotonic() < deadline, f"{path} still gives {seen}"
            try:
                seen = self.get(path).status
            except OSError as error:
                seen = error
            time.sleep(0.02)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A plain GET."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}{path}", headers=dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.request.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())
        except URLError as error:
            raise ConnectionError(error.reason) from error

    def worker(self) -> int:
        """The process id of gunicorn's one worker."""
        (child,) = psutil.Process(self._process.pid).children()
        pid: int = child.pid
        return pid

    def connect(self) -> Connection:
        """A connection for requests that no client library would send."""
        return Connection(self.host, self.port)


class Answer(NamedTuple):
    """An answer with its body read."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A TCP connection that sends exactly what it is told."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
        self._incoming = self._socket.makefile("rb")

    def send_head(self, path: str, headers: Mapping[str, str], method: str = "POST") -> None:
        """Send a request as far as its empty line."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test",
                 *(f"{name}: {value}" for name, value in headers.items())]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")

    def send(self, data: bytes) -> bool:
        """Send raw bytes; False if the server has hung up already."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def send_chunks(self, pieces: Iterable[bytes]) -> None:
        """Send a chunked body, as far as the server lets us."""
        for piece in pieces:
            if not self.send(b"%x\r\n%s\r\n" % (len(piece), piece)):
                return
        self.send(b"0\r\n\r\n")

    def end_sending(self) -> None:
        """Hang up in one direction."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer | None:
        """Read one answer; None if the server hung up without."""
        try:
            status_line = self._incoming.readline()
            if not status_line:
                return None
            headers = dict(iter(self._header, None))
            body = self._incoming.read(int(headers.get("Content-Length", 0)))
        except OSError:
            return None
        return Answer(int(status_line.split()[1]), headers, body)

    def _header(self) -> tuple[str, str] | None:
        name, colon, value = self._incoming.readline().decode("latin-1").partition(":")
        return (name, value.strip()) if colon else None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *raised: object) -> None:
        self._incoming.close()
        self._socket.close()


def form(boundary: str, fields: Mapping[str, str], picture: bytes) -> bytes:
    """A multipart form, its file in the field `file`."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    head = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="cup.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n")
    return ("".join(parts) + head).encode() + picture + f"\r\n--{boundary}--\r\n".encode()
