"""The clock of docker-compose.yml: calls made when they are due, failures that can be seen."""
from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from flask import Flask, request

from deploy.jobs.cron import Task, run
from imgclass.embedded.ports import free_port
from tests.environments import environment
from tests.served import served

ROOT = Path(__file__).parents[3]
TOKEN = "a token of the tests"


class Predict:
    """Counts its calls, answers with `status`, and says stop after `enough` of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.enough = 10
        self.stop = threading.Event()
        self.app = Flask(__name__)
        self.app.add_url_rule("/events/<name>", view_func=self._answer, methods=["POST"])

    def _answer(self, name: str) -> tuple[str, int]:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.calls.append(request.full_path.rstrip("?"))
        if len(self.calls) >= self.enough:
            self.stop.set()
        return "busy" if self.status >= 400 else "", self.status


@pytest.fixture
def predict() -> Predict:
    return Predict()


@pytest.fixture
def client(predict: Predict) -> Iterator[httpx.Client]:
    with served(predict.app) as url, httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def test_due(predict: Predict, client: httpx.Client, tmp_path: Path) -> None:
    """Everything is done once at the start; then what is due sooner is done more often."""
    tasks = (Task("/events/drain", 0.01), Task("/events/sweep?days=0", 600))
    run(client, tasks, tmp_path / "alive", predict.stop)
    assert predict.calls == ["/events/drain", "/events/sweep?days=0", *["/events/drain"] * 8]
    assert (tmp_path / "alive").exists()


def test_refusal(
    predict: Predict, client: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    """A refused call is in the log, is no sign of life, and is made again."""
    predict.status, predict.enough = 503, 2
    run(client, (Task("/events/drain", 0.01),), tmp_path / "alive", predict.stop)
    assert capsys.readouterr().out.splitlines() == [
        "cron: POST /events/drain failed: status 503: busy"] * 2
    assert not (tmp_path / "alive").exists()


def test_nobody_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While predict is away the log says so, and the clock goes on."""
    stop = threading.Event()
    task = Task("/events/drain", 0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{free_port()}") as client:
        thread = threading.Thread(target=run, args=(client, (task,), tmp_path / "alive", stop))
        thread.start()
        for _ in range(1000):
            if task.due and not stop.wait(0.01):
                break
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert "cron: POST /events/drain failed: ConnectError" in capsys.readouterr().out


def test_end() -> None:
    """Told to end, it does so at once."""
    process = subprocess.Popen(
        [sys.executable, "deploy/jobs/cron.py", f"http://127.0.0.1:{free_port()}"], cwd=ROOT,
        env={**environment(EVENTS_TOKEN=TOKEN), "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("cron: POST")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_without_a_token() -> None:
    """Without the token, with which alone predict lets it in, it says so and ends."""
    done = subprocess.run(
        [sys.executable, "deploy/jobs/cron.py", "http://127.0.0.1:1"], cwd=ROOT, timeout=60,
        env={**environment(), "PYTHONPATH": str(ROOT)}, text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith("cron: EVENTS_TOKEN is not set")
