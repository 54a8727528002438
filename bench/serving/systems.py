"""What is measured: the product as `make up` starts it, and the baseline."""
from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.footprint import cpu_seconds
from bench.serving.clients import Request
from imgclass.embedded import default_model, secret_files
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import free_port
from imgclass.embedded.stack import NAMES, Stack
from imgclass.tokens import development_token, user_id

ROOT = Path(__file__).resolve().parents[2]
EMAIL, POLL_SECONDS, START_SECONDS = "bench@example.com", 0.01, 120.0
# One user sends everything here.
SETTINGS = {"RATE_LIMIT_PREDICT": "off", "SWEEP_SECONDS": "0"}


@dataclass(frozen=True)
class System:
    """Something that classifies pictures at a URL, and the processes it consists of."""

    name: str
    url: str
    fields: dict[str, str]
    headers: dict[str, str]
    processes: dict[str, psutil.Process]

    def request(self, picture: bytes) -> Request:
        """The request that has it classified."""
        return Request.form(self.url, self.fields, picture, self.headers)

    def cpu_seconds(self) -> dict[str, float]:
        """What each process, with the children it has or had, has used of the CPU."""
        return {name: cpu_seconds(process) for name, process in self.processes.items()}

    def memory_mb(self, name: str) -> float:
        """What a process holds of memory, resident: of it and its children, the largest."""
        process = self.processes[name]
        return max(each.memory_info().rss
                   for each in (process, *process.children(recursive=True))) / 1e6


@contextmanager
def running_product(folder: Path) -> Iterator[tuple[Stack, System, System]]:
    """A stack, and predict in it: alone, and through the gateway."""
    own = Layout(ROOT, ROOT / "var")
    own.prepare()
    stack = Stack(ROOT, folder / "var", port=0, passed_on=SETTINGS, search_path=_search_path(),
                  archive=default_model.build(own))
    try:
        stack.up()
        secret = secret_files.read(stack.layout.secrets, "jwt-secret")
        token, user = development_token(secret, EMAIL, True), str(user_id(EMAIL))
        processes = {name: found for name in NAMES
                     if (found := stack.processes.running(name)) is not None}
        common = ({"user_id": user}, {"Authorization": f"Bearer {token}"}, processes)
        predict = f"http://{stack.functions.addresses()['predict']}/api/v1/predict"
        yield (stack, System("predict alone", predict, *common),
               System("predict through the gateway", f"{stack.gateway.url}/api/v1/predict",
                      *common))
    finally:
        stack.clean_data()


@contextmanager
def running_baseline(model: Path) -> Iterator[System]:
    """The baseline with the folder of a model, once it answers."""
    port, process = start_baseline(model)
    try:
        wait_for(port, "/health")
        yield System("baseline", f"http://127.0.0.1:{port}/predict", {}, {},
                     {"baseline": psutil.Process(process.pid)})
    finally:
        end(process)


def start_baseline(model: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """Start it, and do not wait."""
    port = free_port()
    return port, subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "bench.baseline.app:app", "--worker-class", "gthread",
         "--threads", "8", "--bind", f"127.0.0.1:{port}", "--log-level", "error"],
        cwd=ROOT, stderr=subprocess.DEVNULL, env={
            "PATH": os.defpath, "SAVED_MODEL": str(model / "saved_model"), "SIZE": "224",
            "LABELS": str(model / "labels.txt"), "TF_CPP_MIN_LOG_LEVEL": "3"})


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, and wait for it."""
    process.terminate()
    process.wait()


def wait_for(port: int, path: str) -> None:
    """Return once a GET is answered with 200. Raises TimeoutError."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(POLL_SECONDS)
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers at port {port}")


def _search_path() -> str:
    minio = shutil.which("minio") or str(Path.home() / ".cache/imgclass/bin/minio")
    return f"{Path(minio).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
