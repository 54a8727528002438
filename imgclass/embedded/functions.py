"""The three functions, each a gunicorn of its own."""
from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imgclass.embedded import http_probe
from imgclass.embedded.environment import clean
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.process import Command, Processes
from imgclass.tokens import AUDIENCE, ISSUER

PREDICT, HISTORY, MODEL_ADMIN = NAMES = ("predict", "history", "model-admin")
EVENTS_PATH = "/events/storage"
START_SECONDS = 60
POLL_SECONDS = 0.1


def common_environment(
    layout: Layout, search_path: str, settings: Mapping[str, str]
) -> dict[str, str]:
    """What all functions get; their passwords and keys are files in SECRETS_DIR."""
    return clean(layout, search_path, {
        "SECRETS_DIR": str(layout.secrets),
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "BIND_HOST": LOOPBACK,
        "TRUSTED_PROXIES": LOOPBACK,
        "LOG_DIR": str(layout.logs),
        "MODEL_CACHE_DIR": str(layout.model_cache),
        **settings,
    })


def events_url(processes: Processes, ports: Ports) -> str:
    """Where predict hears of uploads; its port is settled, whether it runs already or not."""
    return f"http://{LOOPBACK}:{_settle(processes, ports, PREDICT)}{EVENTS_PATH}"


@dataclass
class Functions:
    """The functions of one stack; `environment` is what all of them get."""

    layout: Layout
    processes: Processes
    ports: Ports
    environment: Mapping[str, str]

    def start(self) -> bool:
        """Have all of them running and answering; say whether any had to be started."""
        self._port = {name: _settle(self.processes, self.ports, name) for name in NAMES}
        commands = [self._command(name) for name in NAMES]
        stale = [each for each in commands if not self.processes.is_current(each)]
        self.processes.stop([each.name for each in stale])
        for command in stale:
            self.processes.start(command)
        for command in stale:
            self.processes.wait_until(command.name, self._health(command.name), START_SECONDS)
        replaced = [
            self.processes.ensure(command, self._health(command.name), START_SECONDS)
            for command in commands if command not in stale]
        return bool(stale) or any(replaced)

    def addresses(self) -> dict[str, str]:
        """host:port of each function."""
        return {name: f"{LOOPBACK}:{port}" for name, port in self._port.items()}

    def wait_until_ready(self, name: str, seconds: float) -> None:
        """Return once the function says that it can do its work.

        Raises StackError with what it says it lacks.
        """
        deadline = time.monotonic() + seconds
        while True:
            status, body = http_probe.get(LOOPBACK, self._port[name], "/_/ready")
            if status == 200:
                return
            if self.processes.running(name) is None or time.monotonic() > deadline:
                said = http_probe.detail(body) or f"status {status}"
                raise StackError(
                    f"{name} is not ready: {said} (log: {self.layout.logs / name}.log)")
            time.sleep(POLL_SECONDS)

    def _health(self, name: str) -> Callable[[], bool]:
        return lambda: http_probe.status(LOOPBACK, self._port[name], "/_/health") == 200

    def _command(self, name: str) -> Command:
        folder = self.layout.root / "functions" / name
        return Command(
            name=name,
            argv=(sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf",
                  "handler:app"),
            environment={
                **self.environment,
                "PYTHONPATH": f"{folder}:{self.layout.root}",
                "PORT": str(self._port[name]),
            },
            directory=folder,
            content=_digest(self.layout.root, folder))


def _settle(processes: Processes, ports: Ports, name: str) -> int:
    return ports.settle(processes.running(name) is not None, name)


def _digest(root: Path, folder: Path) -> str:
    """Changes when the code, or the packages it is to run with, change."""
    digest = hashlib.sha256()
    files = [root / "requirements" / "stack.txt"]
    for source in (root / "common", folder):
        files += [path for path in source.rglob("*") if path.suffix in (".py", ".sql", ".json")]
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
