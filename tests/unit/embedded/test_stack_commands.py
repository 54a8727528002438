"""The commands `up`, `down`, `status` and `clean-data`, where nothing runs yet."""
from __future__ import annotations

import socket
from pathlib import Path

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.stack import Stack
from tests.command_line import run


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own stack."""
    monkeypatch.setenv("IMGCLASS_VAR", str(tmp_path / "var"))
    for name in ("API_HOST", "API_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_down_without_a_stack(tmp_path: Path) -> None:
    """Stopping nothing is fine, and leaves nothing behind."""
    result = run("down")
    assert (result.exit_code, result.stdout) == (0, "nothing was running\n")
    assert list(tmp_path.iterdir()) == []


def test_status_without_a_stack() -> None:
    """Every process is listed as stopped, and the exit code says so."""
    result = run("status")
    assert result.exit_code == 3
    names = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert names == ["postgres", "s3", "predict", "history", "model-admin", "gateway"]
    assert result.stdout.count("stopped") == 6


def test_clean_data_spares_what_is_not_ours(tmp_path: Path) -> None:
    """A folder that no stack has made is not emptied."""
    (tmp_path / "var" / "logs").mkdir(parents=True)
    assert run("clean-data").exit_code == 0
    assert (tmp_path / "var" / "logs").is_dir()


def test_port_in_use_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that somebody else has is named before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("API_PORT", str(port))
        result = run("up")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"imgclass: port {port} on 127.0.0.1 is in use by another")
    assert result.stderr.count("\n") == 1
    assert list((tmp_path / "var" / "run").iterdir()) == []


def test_malformed_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be understood is named."""
    monkeypatch.setenv("API_PORT", "eight thousand")
    result = run("up")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "API_PORT must be a port number" in result.stderr


def test_stack_needs_a_checkout(tmp_path: Path) -> None:
    """Where the functions' code is not, nothing is made."""
    with pytest.raises(StackError, match="runs from a checkout of the project"):
        Stack(tmp_path, tmp_path / "var").up()
    assert list(tmp_path.iterdir()) == []
