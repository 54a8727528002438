"""`models init` and `models check`, with tools that are programs of this test."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imgclass import settings
from imgclass.cli.main import app
from tests import archives
from tests.checkout import Checkout
from tests.command_line import Run, run
from tests.manifests import document

COMMENTED = document(**{"$comment": "Fill in license. Then delete this."})
DRAFT = {"manifest": COMMENTED, "written": ["manifest.json", "labels.txt"]}
READY: dict[str, Any] = {
    "state": "ready", "version": "v1", "digest": "a" * 64, "size_bytes": 1_500_000,
    "manifest": COMMENTED, "report": {"ops": ["Const"], "tensorflow": {"latency_ms": 4.5}}}
REJECTED: dict[str, Any] = {"state": "rejected", "report": {"reason": "It answers NaN."}}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    monkeypatch.setattr(settings, "load", lambda: settings.Settings(root=made.root))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in archives.members().items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "model"


@pytest.fixture
def keras(tmp_path: Path) -> Path:
    path = tmp_path / "cats.keras"
    path.write_bytes(b"")
    return path


@pytest.fixture(name="run")
def _run() -> Run:
    """These commands talk to no service."""
    return run


def test_init(run: Run, folder: Path, checkout: Checkout) -> None:
    """The draft is told, with what is left to do and the command that follows."""
    checkout.answer("init", DRAFT)
    result = run("models", "init", folder, "--name", "cats", "--height", 64)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"wrote\t{folder}/manifest.json, {folder}/labels.txt",
        "signature\tserving_default",
        "input\tpixels float32 (224 x 224 x 3)",
        "output\toutput_0: 3 probabilities",
        "to do $\tFill in license.",
        f"edit {folder}/manifest.json, then: imgclass models check {folder}"]
    assert checkout.arguments("init") == [
        f"{folder}/saved_model", str(folder), "--name=cats", "--height=64"]


def test_init_of_a_bare_saved_model(run: Run, folder: Path, checkout: Checkout) -> None:
    """A folder that is itself the SavedModel is inspected as it is."""
    checkout.answer("init", DRAFT)
    assert run("models", "init", folder / "saved_model", "--force").exit_code == 0
    assert checkout.arguments("init") == [*[f"{folder}/saved_model"] * 2, "--force"]


def test_init_cannot(run: Run, folder: Path, checkout: Checkout) -> None:
    """The reason why there is no draft is one line, and the exit code is 1."""
    checkout.answer("init", {"reason": "manifest.json exists already: --force overwrites it."})
    result = run("models", "init", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: manifest.json exists already: --force overwrites it.\n")


def test_init_without_a_model(run: Run, tmp_path: Path, checkout: Checkout) -> None:
    """A folder without a SavedModel is told before any tool is started."""
    checkout.answer("init", DRAFT)
    result = run("models", "init", tmp_path / "nothing")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "nothing has no SavedModel" in result.stderr
    assert not checkout.was_called("init")


def test_init_with_a_keras_file(
    run: Run, tmp_path: Path, keras: Path, checkout: Checkout
) -> None:
    """With --yes the file is exported into a new folder, and the warning is given all the same."""
    checkout.answer("init", DRAFT)
    result = run("models", "init", tmp_path / "new", "--keras", keras, "--yes")
    assert result.exit_code == 0
    assert "cats.keras is loaded by Keras, which runs the code in it" in result.stderr
    assert checkout.arguments("init") == [
        f"{tmp_path}/new/saved_model", f"{tmp_path}/new", f"--keras={keras}"]


@pytest.mark.parametrize(("answer", "loaded"), [("y\n", True), ("n\n", False), ("", False)])
def test_keras_file_is_confirmed(
    tmp_path: Path, keras: Path, checkout: Checkout, answer: str, loaded: bool
) -> None:
    """Without --yes nothing is loaded unless it is asked for."""
    checkout.answer("init", DRAFT)
    result = CliRunner().invoke(
        app, ["models", "init", str(tmp_path / "new"), "--keras", str(keras)], input=answer)
    assert checkout.was_called("init") is loaded
    assert result.exit_code == (0 if loaded else 1)
    assert ("nothing was loaded: answer y, or give --yes" in result.stderr) is not loaded


def test_init_of_a_keras_file_itself(run: Run, keras: Path, checkout: Checkout) -> None:
    """A Keras file in place of the folder is told how it is meant."""
    result = run("models", "init", keras)
    assert result.exit_code == 1
    assert "models init DIR --keras cats.keras" in result.stderr


def test_check_of_a_folder(run: Run, folder: Path, checkout: Checkout) -> None:
    """A folder is packed and checked; the report, what was left out, what is left to do."""
    checkout.answer("check", READY)
    for number in range(7):
        (folder / f"notes-{number}").touch()
    result = run("models", "check", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "state\tready", "version\tv1", f"digest\t{'a' * 64}", "archive\t1.5 MB",
        "operations\t1 kinds, all allowed", "TensorFlow\t4.5 ms a picture",
        "left out\tnotes-0, notes-1, notes-2, notes-3, notes-4 and 2 more",
        "to do $\tFill in license."]
    [archive] = checkout.arguments("check")
    assert not Path(archive).exists()


def test_check_of_a_folder_without_version(run: Run, folder: Path, checkout: Checkout) -> None:
    """A model can be checked before it has a version, and as any."""
    checkout.write("check", """
import json, sys, zipfile
manifest = json.loads(zipfile.ZipFile(sys.argv[1]).read("manifest.json"))
print(json.dumps({"state": "ready", "version": manifest["version"], "report": {}}))
""")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["version"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "version\tunversioned" in run("models", "check", folder).stdout
    assert "version\tv5" in run("models", "check", folder, "--version", "v5").stdout


def test_check_of_an_archive(run: Run, tmp_path: Path, checkout: Checkout) -> None:
    """An archive is checked as it is, and only as the version it is."""
    checkout.answer("check", READY)
    path = tmp_path / "model.zip"
    path.write_bytes(archives.archive())
    assert run("models", "check", path, "--version", "v1").exit_code == 0
    assert checkout.arguments("check") == [str(path)]
    assert "is version v1" in run("models", "check", path, "--version", "v2").stderr


def test_check_rejects(run: Run, folder: Path, checkout: Checkout) -> None:
    """A model that would be rejected ends the command with 1 and the reason."""
    checkout.answer("check", REJECTED)
    result = run("models", "check", folder)
    assert (result.exit_code, result.stdout) == (1, "state\trejected\n")
    assert result.stderr == f"imgclass: {folder} is rejected: It answers NaN.\n"


def test_check_as_json(run: Run, folder: Path, checkout: Checkout) -> None:
    """--json has all of it, also for a model that is rejected."""
    checkout.answer("check", READY)
    (folder / "notes").touch()
    found = json.loads(run("models", "check", folder, "--json").stdout)
    assert found == {
        **READY, "left_out": ["notes"],
        "to_do": [{"path": "$", "comment": "Fill in license. Then delete this."}]}
    checkout.answer("check", REJECTED)
    result = run("models", "check", folder, "--json")
    assert json.loads(result.stdout) == {**REJECTED, "left_out": ["notes"], "to_do": []}
    assert result.exit_code == 1


@pytest.mark.parametrize("command", ["init", "check"])
def test_without_tensorflow(
    run: Run, folder: Path, checkout: Checkout, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TensorFlow is missing, one line says which Python lacks it."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    result = run("models", command, folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("imgclass: this needs TensorFlow, which ")


def test_check_dies(run: Run, folder: Path, checkout: Checkout) -> None:
    """A check without a verdict is no rejection, but fails all the same."""
    checkout.write("check", "raise SystemExit('out of memory')")
    result = run("models", "check", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: the model's check ended with status 1: out of memory\n")
