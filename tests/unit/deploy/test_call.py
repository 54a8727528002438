"""What the CronJobs run: calls in their order, and a failure that the Job shows."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request

from tests.environments import environment
from tests.served import served

ROOT = Path(__file__).parents[3]
TOKEN = "a token of the tests"


class Predict:
    """Answers `statuses` in turn, then 200; remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.statuses: list[int] = []
        self.app = Flask(__name__)
        self.app.add_url_rule("/events/<name>", view_func=self._answer, methods=["POST"])

    def _answer(self, name: str) -> tuple[str, int]:
        self.calls.append((request.full_path.rstrip("?"), request.headers["Authorization"]))
        return "busy", self.statuses.pop(0) if self.statuses else 200


@pytest.fixture
def predict() -> Predict:
    return Predict()


@pytest.fixture
def url(predict: Predict) -> Iterator[str]:
    with served(predict.app) as url:
        yield url


def run(*arguments: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """`python deploy/jobs/call.py` as the image starts it."""
    return subprocess.run(
        [sys.executable, "deploy/jobs/call.py", *arguments], cwd=ROOT, timeout=60, text=True,
        capture_output=True, env={**environment(EVENTS_TOKEN=token), "PYTHONPATH": str(ROOT)})


def test_calls_in_order(predict: Predict, url: str) -> None:
    """Each path gets one POST with the machines' token."""
    paths = ["/events/sweep?days=0", "/events/drain?seconds=50"]
    done = run(url, *paths)
    assert (done.returncode, done.stderr) == (0, "")
    assert predict.calls == [(path, f"Bearer {TOKEN}") for path in paths]


def test_first_failure_ends_it(predict: Predict, url: str) -> None:
    """A call that is refused fails the Job, and what should follow is not done."""
    predict.statuses = [503]
    done = run(url, "/events/sweep?days=0", "/events/drain")
    assert done.returncode == 1
    assert done.stderr == "call: POST /events/sweep?days=0 failed: status 503: busy\n"
    assert len(predict.calls) == 1


def test_without_a_token(predict: Predict, url: str) -> None:
    """Without the token, with which alone predict lets it in, it asks for nothing."""
    done = run(url, "/events/drain", token="")
    assert done.returncode == 1
    assert done.stderr.startswith("call: EVENTS_TOKEN is not set")
    assert predict.calls == []
