"""The wiring of history, with nothing there to talk to."""
from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from history.app import create_app
from tests import tokens
from tests.environments import settings
from tests.ids import ID
from tests.root_logger import untouched_root_logger
from tests.unit.history.conftest import House

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def app(tmp_path: Path, resting: None) -> Iterator[Flask]:
    with untouched_root_logger():
        yield create_app(settings(LOG_DIR=tmp_path))


def test_alive_without_anything(app: Flask) -> None:
    """The process is alive whatever is down."""
    assert app.test_client().get("/_/health").json == {"status": "ok"}


def test_not_ready_without_anything(app: Flask) -> None:
    """The function says what it lacks."""
    answer = app.test_client().get("/_/ready")
    assert answer.status_code == 503
    assert "database: " in answer.json["detail"]
    assert "object store: " in answer.json["detail"]


@pytest.mark.parametrize("path", [
    "/api/v1/predictions", f"/api/v1/predictions/{ID}",
    f"/api/v1/images/{ID}", f"/api/v1/images/{ID}/content",
    "/api/v1/users/me"])
def test_unavailable_without_a_database(app: Flask, path: str) -> None:
    """A database nobody can connect to is a problem of ours that passes, not an error page."""
    answer = app.test_client().get(path, headers=tokens.bearer(uuid.uuid4()))
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json["detail"] == "The database does not answer."
    assert int(answer.headers["Retry-After"]) > 0


def test_same_routes_as_in_tests(app: Flask) -> None:
    """The routes tried with fakes are all there are."""
    assert {rule.rule for rule in app.url_map.iter_rules()} == {
        rule.rule for rule in House().app.url_map.iter_rules()}


def test_no_tensorflow() -> None:
    """Importing the function imports neither an engine nor a picture decoder."""
    code = ("import sys, history.app; "
            "print(*{'tensorflow', 'ai_edge_litert', 'PIL', 'numpy'} & set(sys.modules))")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONPATH": f"{ROOT / 'functions/history'}:{ROOT}"})
    assert done.stdout.split() == []
