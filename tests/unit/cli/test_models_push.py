"""`models push` of a folder, of a version, and with what follows."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import archives
from tests.command_line import Run
from tests.fakes.api import FakeApi, model_archive

REPORT: dict[str, Any] = {
    "ops": ["Const"], "tensorflow": {"latency_ms": 4.5},
    "twin": {"accepted": False, "reason": "It does not compile."},
    "golden": {"passed": True, "pictures": []}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in archives.members().items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "model"


def test_push_a_folder(run: Run, folder: Path, api: FakeApi) -> None:
    """A folder is packed, registered as the version named, and validated."""
    result = run("models", "push", folder, "--version", "v2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "v2 is ready: imgclass models activate v2\n"
    assert api.models["v2"]["manifest"]["files"]
    assert not api.models["v2"]["is_active"]


def test_push_a_folder_again(run: Run, folder: Path, api: FakeApi) -> None:
    """The same folder is the same archive, so that pushing it again changes nothing."""
    run("models", "push", folder)
    assert run("models", "push", folder).exit_code == 0
    assert list(api.models) == ["v1"]


def test_push_and_activate(run: Run, folder: Path, api: FakeApi) -> None:
    """--activate makes the model answer as soon as it is validated."""
    result = run("models", "push", folder, "--version", "v2", "--activate")
    assert (result.exit_code, result.stdout) == (0, "v2 is ready and active\n")
    assert api.models["v2"]["is_active"]
    again = run("models", "push", folder, "--version", "v2", "--activate", "--json")
    assert json.loads(again.stdout)["is_active"] is True


def test_rejected_model_is_not_activated(run: Run, folder: Path, api: FakeApi) -> None:
    """A rejected model stays out, with exit code 1."""
    (folder / archives.GRAPH).write_bytes(b"unsafe")
    result = run("models", "push", folder, "--activate")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "imgclass: v1 was rejected: The graph has unsafe ops.\n"
    assert not api.models["v1"]["is_active"]


def test_essentials_of_the_report(run: Run, folder: Path, api: FakeApi) -> None:
    """What the validation found is told before the next step, and by `models show`."""
    run("models", "push", folder)
    api.models["v1"]["report"] = REPORT
    lines = run("models", "push", folder).stdout.splitlines()
    assert lines == [
        "operations\t1 kinds, all allowed",
        "TensorFlow\t4.5 ms a picture",
        "twin\trefused, TensorFlow answers: It does not compile.",
        "v1 is ready: imgclass models activate v1"]
    assert run("models", "show", "v1").stdout.splitlines()[-3:] == lines[:3]


def test_version_of_an_archive(run: Run, tmp_path: Path, api: FakeApi) -> None:
    """An archive's version stands in it; another one is refused before anything is sent."""
    archive = model_archive(tmp_path / "model.zip", "v2")
    result = run("models", "push", archive, "--version", "v3")
    assert result.exit_code == 1
    assert result.stderr == (
        "imgclass: model.zip is version v2, as the manifest in it says, and not v3\n")
    assert api.requests == []
    assert run("models", "push", archive, "--version", "v2").exit_code == 0


@pytest.mark.parametrize(("name", "words"), [
    ("manifest.json", "has no manifest.json: `imgclass models init"),
    ("labels.txt", "has no labels.txt"),
    (archives.GRAPH, "has no SavedModel"),
])
def test_incomplete_folder(
    run: Run, folder: Path, api: FakeApi, name: str, words: str
) -> None:
    """What a folder lacks is told in one line, and nothing is sent."""
    (folder / name).unlink()
    result = run("models", "push", folder)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert words in result.stderr
    assert api.requests == []


def test_keras_file(run: Run, tmp_path: Path, api: FakeApi) -> None:
    """A Keras file is refused here already, with the way to export it."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"")
    result = run("models", "push", path)
    assert result.exit_code == 1
    assert "models init DIR --keras model.keras" in result.stderr
    assert api.requests == []
