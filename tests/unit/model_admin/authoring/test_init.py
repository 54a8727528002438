"""Drafting the manifest of a SavedModel."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidModel
from model_admin.authoring.init import Wishes, init, main
from tests import models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bare(tmp_path / "model", "good")


def bare(folder: Path, kind: str) -> Path:
    """A model without anything of its author's."""
    models.build(kind, folder)
    (folder / "manifest.json").unlink()
    (folder / "labels.txt").unlink()
    return folder


def draft(folder: Path, **wishes: Any) -> dict[str, Any]:
    """The manifest that is written."""
    result = init(folder / "saved_model", folder, Wishes(**wishes))
    written: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert written == result["manifest"]
    return written


def test_manifest_and_labels(folder: Path) -> None:
    """Both files are written, with all that the model tells."""
    result = init(folder / "saved_model", folder)
    assert result["written"] == ["manifest.json", "labels.txt"]
    manifest = result["manifest"]
    assert manifest["name"] == "model"
    assert (manifest["input"]["height"], manifest["input"]["width"]) == (8, 8)
    assert manifest["output"] == {"name": "scores", "kind": "probabilities"}
    assert manifest["labels"]["count"] == 3
    assert (folder / "labels.txt").read_bytes() == b"class 0\nclass 1\nclass 2\n"


def test_existing_labels_are_kept(folder: Path) -> None:
    """Labels of the author's are never overwritten, not even by force."""
    (folder / "labels.txt").write_text("cat\ndog\nespresso\n")
    assert "$comment" not in draft(folder)["labels"]
    (folder / "labels.txt").write_text("cat\ndog\n")
    assert "has 2 lines" in draft(folder, force=True)["labels"]["$comment"]
    assert (folder / "labels.txt").read_text() == "cat\ndog\n"


def test_placeholders_stay_to_be_done(folder: Path) -> None:
    """Placeholders of an earlier draft are not taken for labels."""
    draft(folder)
    assert "placeholders" in draft(folder, force=True)["labels"]["$comment"]


def test_existing_manifest_is_kept(folder: Path) -> None:
    """A manifest is overwritten only by force."""
    (folder / "manifest.json").write_text("mine")
    with pytest.raises(InvalidModel, match="manifest.json exists already: --force overwrites it"):
        init(folder / "saved_model", folder)
    assert (folder / "manifest.json").read_text() == "mine"
    assert draft(folder, force=True)["schema_version"] == 1


def test_existing_saved_model_is_kept(folder: Path) -> None:
    """An export replaces a SavedModel only by force."""
    with pytest.raises(InvalidModel, match="saved_model exists already: --force overwrites it"):
        init(folder / "saved_model", folder, Wishes(keras=folder / "model.keras"))


def test_any_size(tmp_path: Path) -> None:
    """A model of any size gets the size asked for; what is not asked for is a guess."""
    folder = bare(tmp_path / "model", "any-size")
    source = draft(folder)["input"]
    assert (source["height"], source["width"]) == (224, 224)
    assert "a guess" in source["$comment"]
    source = draft(folder, height=32, force=True)["input"]
    assert (source["height"], source["width"]) == (32, 224)
    assert "a guess" in source["$comment"]
    source = draft(folder, height=32, width=48, force=True)["input"]
    assert (source["height"], source["width"]) == (32, 48)
    assert "$comment" not in source


def test_another_size_than_the_models(folder: Path) -> None:
    """A size that the model does not take is refused."""
    assert draft(folder, height=8)["input"]["height"] == 8
    with pytest.raises(InvalidModel, match="takes pictures of width 8, not 9"):
        draft(folder, width=9, force=True)


def test_several_outputs(tmp_path: Path) -> None:
    """Of several outputs the classes are found, and the choice is to be checked."""
    output = draft(bare(tmp_path / "model", "features-too"))["output"]
    assert (output["name"], output["kind"]) == ("scores", "probabilities")
    assert "features (n, 192) float32" in output["$comment"]


@pytest.mark.parametrize(("kind", "words"), [
    ("nan", "is NaN or infinity"), ("float64", r"scores \(n, 3\) float64"),
    ("random", "answers the same picture differently each time: .* training=False"),
    ("flat", r"scores \(n\) float32")])
def test_model_that_cannot_be_served(tmp_path: Path, kind: str, words: str) -> None:
    """Nothing is written for a model that could not be served."""
    folder = bare(tmp_path / "model", kind)
    with pytest.raises(InvalidModel, match=words):
        init(folder / "saved_model", folder)
    assert {path.name for path in folder.iterdir()} == {"saved_model"}


def test_name_is_not_allowed(folder: Path) -> None:
    """A name the registry would refuse is refused here, by its field."""
    with pytest.raises(InvalidModel, match=r"manifest.json: \$.name: "):
        draft(folder, name="a/b")
    assert draft(folder, name="a-b")["name"] == "a-b"


def test_labels_are_not_utf_8(folder: Path) -> None:
    """Labels of another encoding are told."""
    (folder / "labels.txt").write_bytes("Käfer".encode("latin-1"))
    with pytest.raises(InvalidModel, match="labels.txt is not UTF-8"):
        draft(folder)


def test_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints what it wrote as JSON, or else the reason."""
    arguments = [str(folder / "saved_model"), str(folder), "--name=cats"]
    assert main(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["manifest"]["name"], printed["written"]) == (
        "cats", ["manifest.json", "labels.txt"])
    assert main(arguments) == 1
    assert "exists already" in json.loads(capsys.readouterr().out)["reason"]
