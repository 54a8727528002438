"""`me`, `delete` and `erase`."""
from __future__ import annotations

import json
import uuid

import pytest
from typer.testing import CliRunner

from imgclass.cli.main import app
from tests.command_line import Run
from tests.fakes.api import JPEG, FakeApi, token

ADA = "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11"


@pytest.fixture
def image_id(api: FakeApi) -> str:
    """A picture of Ada's."""
    found: str = api.classify(ADA, JPEG, None)["image_id"]
    return found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks again without a pause."""
    monkeypatch.setattr("imgclass.api.polling.LONGEST_PAUSE_SECONDS", 0.01)


def test_me(run: Run, image_id: str) -> None:
    """What is stored of whoever asks is shown, also as JSON."""
    result = run("me", "--token", token(ADA))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["user", ADA], ["e-mail", "someone@example.com"], ["since", "2026-01-01T00:00:00+00:00"],
        ["pictures", "1"], ["bytes", str(len(JPEG))], ["predictions", "1"]]
    shown = json.loads(run("me", "--token", token(ADA), "--json").stdout)
    assert (shown["user_id"], shown["images"]) == (ADA, 1)


def test_delete(run: Run, api: FakeApi, image_id: str) -> None:
    """Pictures are deleted by their ids, and deleting again is no error."""
    other = api.classify(ADA, JPEG, None)["image_id"]
    for _ in range(2):
        result = run("delete", image_id, other, "--yes")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines() == [f"{image_id} is gone", f"{other} is gone"]
    assert api.images == {}


def test_files_that_are_left(run: Run, api: FakeApi, image_id: str) -> None:
    """While the service still removes a file, it is waited for; in the end the exit code tells."""
    api.privacy.pending = 3
    assert run("delete", image_id, "-y").stdout == f"{image_id} is gone\n"
    api.privacy.pending = 3
    result = run("delete", image_id, "-y", "--timeout", 0, "--json")
    assert json.loads(result.stdout) == [{"image_id": image_id, "gone": False}]
    assert (result.exit_code, result.stderr) == (
        1, "imgclass: files are still to be removed: the service goes on by itself\n")


def test_unknown_picture(run: Run) -> None:
    """A picture that is not there cannot be deleted."""
    result = run("delete", uuid.uuid4(), "--yes")
    assert (result.exit_code, result.stderr) == (
        5, "imgclass: There is no such image. (status 404)\n")


def test_erase(run: Run, api: FakeApi, image_id: str) -> None:
    """Whoever wants to be forgotten is, and hears so."""
    result = run("erase", "--token", token(ADA), "--yes")
    assert (result.exit_code, result.stdout) == (0, "nothing is stored of you any more\n")
    assert (api.images, api.predictions) == ({}, [])
    result = run("me", "--token", token(ADA))
    assert result.stderr == (
        "imgclass: What was stored of this user was erased. (status 410)\n")


def test_erase_another(run: Run, api: FakeApi, image_id: str) -> None:
    """An administrator erases others; nobody else does."""
    refused = run("erase", "--user", ADA, "--yes", "--token", token())
    assert (refused.exit_code, len(api.images)) == (4, 1)
    api.privacy.pending = 1
    result = run("erase", "--user", ADA, "--yes", "--timeout", 0)
    assert result.stdout == f"what was stored of {ADA} is erased\n"
    assert result.exit_code == 1
    shown = json.loads(run("erase", "--user", ADA, "--yes", "--json").stdout)
    assert shown == {"user_id": ADA, "gone": True}
    assert api.images == {}


@pytest.mark.parametrize("arguments", [["delete"], ["erase"]])
@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_asked_first(
    run: Run, api: FakeApi, image_id: str, arguments: list[str], answer: str, left: int
) -> None:
    """Nothing is erased before somebody has said yes."""
    if arguments == ["delete"]:
        arguments = ["delete", image_id]
    result = CliRunner().invoke(app, [*arguments, "--token", token(ADA)], input=answer)
    assert (len(api.images), result.exit_code) == (left, left)
    assert result.stderr.count("nothing was deleted: answer y, or give --yes") == left


@pytest.mark.parametrize("arguments", [
    ["delete"], ["delete", "everything"], ["erase", "--user", "me"],
    ["erase", "--timeout", "-1"]])
def test_malformed(run: Run, api: FakeApi, arguments: list[str]) -> None:
    """What is not meant is not sent."""
    assert run(*arguments, "--yes").exit_code == 2
    assert api.requests == []
