"""`models list`, `show`, `push` and `activate`."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.fakes.api import FakeApi, model_archive, token


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return model_archive(tmp_path / "model.zip", "v2")


@pytest.fixture
def unsafe(tmp_path: Path) -> Path:
    return model_archive(tmp_path / "unsafe.zip", "v3", graph=b"unsafe")


def test_push_waits_until_ready(run: Run, archive: Path, api: FakeApi) -> None:
    """A pushed model is validated when the command returns, and the next step is named."""
    result = run("models", "push", archive)
    assert result.stdout == "v2 is ready: imgclass models activate v2\n"
    assert (result.exit_code, result.stderr) == (0, "")
    assert api.models["v2"]["state"] == "ready"


def test_push_again(run: Run, archive: Path) -> None:
    """Pushing the active model again changes nothing and says how it stands."""
    run("models", "push", archive)
    run("models", "activate", "v2")
    assert run("models", "push", archive).stdout == "v2 is ready and active\n"


def test_push_rejected(run: Run, unsafe: Path) -> None:
    """A rejected model is told with its reason, and the exit code is 1."""
    result = run("models", "push", unsafe)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "imgclass: v3 was rejected: The graph has unsafe ops.\n"


def test_push_rejected_as_json(run: Run, unsafe: Path) -> None:
    """--json prints the model also when it was rejected."""
    result = run("models", "push", unsafe, "--json")
    assert json.loads(result.stdout)["report"] == {"reason": "The graph has unsafe ops."}
    assert result.exit_code == 1


def test_push_of_a_file_that_is_not_there(run: Run, tmp_path: Path, api: FakeApi) -> None:
    """A missing archive is a usage error before anything is sent."""
    assert run("models", "push", tmp_path / "missing.zip").exit_code == 2
    assert api.requests == []


def test_list(run: Run, archive: Path, unsafe: Path) -> None:
    """Each model is listed with its state and its role."""
    run("models", "push", archive)
    run("models", "push", unsafe)
    run("models", "activate", "v2")
    assert run("models", "list").stdout.splitlines() == [
        "v2\tready\tactive\t2026-01-01T00:00:00+00:00",
        "v3\trejected\t-\t2026-01-01T00:00:00+00:00"]
    assert [each["version"] for each in json.loads(run("models", "list", "--json").stdout)] == [
        "v2", "v3"]


def test_show(run: Run, unsafe: Path) -> None:
    """A model is shown with the reason of its rejection."""
    run("models", "push", unsafe)
    facts = dict(line.split("\t") for line in run("models", "show", "v3").stdout.splitlines())
    assert (facts["state"], facts["name"]) == ("rejected", "tiny")
    assert facts["reason"] == "The graph has unsafe ops."
    assert json.loads(run("models", "show", "v3", "--json").stdout)["manifest"]["name"] == "tiny"


def test_show_of_an_unknown_version(run: Run) -> None:
    """A version nobody registered is told in one line."""
    result = run("models", "show", "v9")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "imgclass: There is no model v9. (status 404)\n"


def test_activate(run: Run, archive: Path, api: FakeApi) -> None:
    """The version named becomes the one that answers."""
    run("models", "push", archive)
    result = run("models", "activate", "v2")
    assert (result.exit_code, result.stdout) == (0, "v2 is active\n")
    assert api.models["v2"]["is_active"]
    assert json.loads(run("models", "activate", "v2", "--json").stdout)["is_active"] is True


def test_activate_a_rejected_model(run: Run, unsafe: Path) -> None:
    """A model that is not ready cannot be activated."""
    run("models", "push", unsafe)
    result = run("models", "activate", "v3")
    assert result.exit_code == 1
    assert result.stderr == "imgclass: Model v3 is rejected, not ready. (status 409)\n"


def test_models_need_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("models", "list", "--token", token())
    assert result.exit_code == 4
    assert result.stderr == (
        "imgclass: This needs a token with the role admin. (status 403)\n")
