"""The command line in this process, against a service in memory."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import command_line
from tests.command_line import Run
from tests.fakes.api import FakeApi, token


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own stack, token or service."""
    monkeypatch.setenv("IMGCLASS_VAR", str(tmp_path / "var"))
    for name in ("IMGCLASS_URL", "IMGCLASS_TOKEN", "API_HOST", "API_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def me() -> str:
    """The id of whoever runs commands."""
    return str(uuid.uuid4())


@pytest.fixture
def run(api: FakeApi, me: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as an administrator of the service in memory."""
    monkeypatch.setenv("IMGCLASS_URL", api.url)
    monkeypatch.setenv("IMGCLASS_TOKEN", token(me, admin=True))
    return command_line.run
