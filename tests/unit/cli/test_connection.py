"""Where a command connects to, and with which token."""
from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from imgclass import settings
from tests.command_line import Run
from tests.fakes.api import JPEG, SECRET, FakeApi


@pytest.fixture
def stack(tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    """A command with nothing set, beside a stack that has left its secret and its address."""
    var = tmp_path / "var"
    address = urlsplit(api.url)
    for path, text in {
        var / "secrets" / "jwt-secret": SECRET,
        settings.address_file(var): f"{address.hostname} {address.port}",
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.delenv("IMGCLASS_URL")
    monkeypatch.delenv("IMGCLASS_TOKEN")
    return run


def test_local_stack_needs_no_options(stack: Run, tmp_path: Path, api: FakeApi) -> None:
    """The local stack's address and a token for it are found, silently."""
    (tmp_path / "cup.jpg").write_bytes(JPEG)
    result = stack("classify", tmp_path / "cup.jpg")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{tmp_path}/cup.jpg\tespresso\t0.9375\t12\n"


def test_own_token_keeps_the_user(stack: Run, tmp_path: Path) -> None:
    """Commands without a token are one user: what one classifies another finds."""
    (tmp_path / "cup.jpg").write_bytes(JPEG)
    stack("classify", tmp_path / "cup.jpg")
    assert "espresso" in stack("history").stdout


def test_own_token_is_admin_for_models(stack: Run) -> None:
    """Models are managed on the local stack without asking for a token."""
    assert stack("models", "list").exit_code == 0


def test_own_token_goes_to_no_other_machine(stack: Run) -> None:
    """A token signed with the local secret is not sent elsewhere."""
    result = stack("history", "--url", "http://service.example")
    assert result.exit_code == 4
    assert result.stderr == (
        "imgclass: no token for http://service.example: give --token or set IMGCLASS_TOKEN\n")


def test_neither_token_nor_stack(
    run: Run, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token and a local stack one line names both ways out."""
    monkeypatch.delenv("IMGCLASS_TOKEN")
    result = run("history")
    assert (result.exit_code, api.requests) == (4, [])
    assert "--token" in result.stderr
    assert "`make up`" in result.stderr


@pytest.mark.parametrize(("option", "value", "code"), [
    ("--url", "nowhere", 1), ("--url", "http://[", 3), ("--token", "opaque", 4)])
def test_malformed_options(run: Run, option: str, value: str, code: int) -> None:
    """A malformed address or token is told in one line."""
    result = run("history", option, value)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("imgclass: ")
    assert result.stderr.count("\n") == 1


def test_malformed_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed environment variable is named in one line."""
    monkeypatch.setenv("API_PORT", "http")
    result = run("history")
    assert result.exit_code == 1
    assert result.stderr.startswith("imgclass: API_PORT must be")
