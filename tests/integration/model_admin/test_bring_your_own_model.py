"""Models of all kinds from a folder to the registry: `models init`, `models check`, and why."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from common.errors import InvalidModel
from common.inference.litert import LiteRtEngine
from imgclass.packing import pack
from model_admin.authoring.init import Wishes, init
from model_admin.registry.archive import read_archive
from tests import models
from tests.command_line import run

# Keras 3 gives NumPy its variables in a way NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MAX_BYTES = 1 << 30
SIDE, CLASSES = 96, 10


@pytest.fixture(scope="module")
def network() -> Any:
    """MobileNetV2 with random weights, spread so that its classes differ."""
    tf.keras.utils.set_random_seed(1)
    made = tf.keras.applications.MobileNetV2(
        (SIDE, SIDE, 3), alpha=0.35, weights=None, classes=CLASSES)
    random = np.random.default_rng(1)
    for layer in made.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, random.normal(size=beta.shape), mean, variance / 10])
    return made


@pytest.fixture(scope="module")
def saved_network(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network as tf.saved_model.save writes it, in a folder that is the SavedModel itself."""
    folder = tmp_path_factory.mktemp("mobilenet") / "saved"
    tf.saved_model.save(network, str(folder))
    return folder


def draft(saved_model: Path, folder: Path, **wishes: Any) -> dict[str, Any]:
    """The manifest that `models init` writes."""
    manifest: dict[str, Any] = init(saved_model, folder, Wishes(**wishes))["manifest"]
    return manifest


def edit(folder: Path, section: str, **changes: Any) -> None:
    """What an author does by hand: decide, and delete the comment."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document[section] = {**document[section], **changes}
    document[section].pop("$comment", None)
    path.write_text(json.dumps(document), encoding="utf-8")


def checked(folder: Path) -> dict[str, Any]:
    """The verdict of `models check`, which must be good, with a good twin."""
    result = run("models", "check", folder, "--version", "v1", "--json")
    assert result.exit_code == 0, result.stderr
    verdict: dict[str, Any] = json.loads(result.stdout)
    assert verdict["state"] == "ready"
    twin = verdict["report"]["twin"]
    assert twin["accepted"] is True, twin
    assert twin["max_abs_difference"] < 1e-4
    assert verdict["report"]["tensorflow"]["size_bytes"] > 0
    return verdict


def registered(folder: Path) -> dict[str, Any]:
    """The manifest that the registry reads from the packed folder."""
    archive = folder.parent / "packed.zip"
    pack(folder, archive, "v1")
    return read_archive(archive, MAX_BYTES).manifest


def own(folder: Path, kind: str, classes: int = 3) -> Path:
    """A plain tf.Module, as its author has it before `models init`."""
    models.build(kind, folder, classes)
    (folder / "manifest.json").unlink()
    (folder / "labels.txt").unlink()
    return folder


def test_keras_application_exported(network: Any, tmp_path: Path) -> None:
    """A Keras Applications network, written by its own export, passes as it is drafted."""
    folder = tmp_path / "model"
    network.export(folder / "saved_model", verbose=False)
    manifest = draft(folder / "saved_model", folder)
    assert manifest["output"] == {"name": "output_0", "kind": "probabilities"}
    assert (manifest["input"]["height"], manifest["labels"]["count"]) == (SIDE, CLASSES)
    verdict = checked(folder)
    assert verdict["manifest"] == registered(folder)
    assert [each["path"] for each in verdict["to_do"]] == [
        "$", "$.preprocessing.resize", "$.preprocessing.normalization", "$.labels"]


def test_keras_application_saved(saved_network: Path) -> None:
    """The same network by tf.saved_model.save converts to NaN from its folder, but not by us."""
    draft(saved_network, saved_network)
    twin = checked(saved_network)["report"]["twin"]
    assert registered(saved_network)["input"]["name"] == "inputs"

    naive = saved_network.parent / "naive.tflite"
    naive.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved_network)).convert())
    answer = LiteRtEngine(naive, threads=1).predict(
        np.full((1, SIDE, SIDE, 3), 0.5, np.float32))
    assert np.isnan(answer).all()
    # The weights have gone missing.
    assert naive.stat().st_size < twin["size_bytes"] / 5


@pytest.mark.parametrize(("kind", "classes", "dtype", "output_kind"), [
    ("uint8", 3, "uint8", "probabilities"),
    ("logits", 3, "float32", "logits"),
    ("good", 2, "float32", "probabilities"),
    ("good", 10_000, "float32", "probabilities"),
])
def test_plain_module(
    tmp_path: Path, kind: str, classes: int, dtype: str, output_kind: str
) -> None:
    """A tf.Module of bytes or floats, logits or probabilities, few or many classes passes."""
    folder = own(tmp_path / "model", kind, classes)
    manifest = draft(folder / "saved_model", folder)
    assert (manifest["input"]["dtype"], manifest["output"]["kind"]) == (dtype, output_kind)
    assert manifest["labels"]["count"] == classes
    checked(folder)
    assert registered(folder)["labels"]["count"] == classes


def test_any_size(tmp_path: Path) -> None:
    """A model of any size is served at the size its author settles on."""
    folder = own(tmp_path / "model", "any-size")
    draft(folder / "saved_model", folder)
    edit(folder, "input", height=32, width=48)
    verdict = checked(folder)
    assert verdict["report"]["signature"]["input"]["shape"] == [None, None, None, 3]
    assert "$.input" not in {each["path"] for each in verdict["to_do"]}
    source = registered(folder)["input"]
    assert (source["height"], source["width"]) == (32, 48)


def test_wrong_kind_is_rejected(tmp_path: Path) -> None:
    """Logits that a manifest calls probabilities are found out before they are pushed."""
    folder = own(tmp_path / "model", "logits")
    draft(folder / "saved_model", folder)
    edit(folder, "output", kind="probabilities")
    result = run("models", "check", folder)
    assert result.exit_code == 1
    assert result.stdout.startswith("state\trejected\n")
    assert "$.output.kind: the outputs are no probabilities; are they logits?" in result.stderr


@pytest.fixture(params=[".keras", ".h5"])
def keras_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A Keras file of its author's own."""
    path: Path = tmp_path / f"cats{request.param}"
    augmented().save(path)
    return path


def augmented() -> Any:
    """A model as tutorials have it: it augments its pictures while it is trained."""
    return tf.keras.Sequential([
        tf.keras.Input((16, 16, 3)), tf.keras.layers.RandomFlip(),
        tf.keras.layers.Rescaling(1 / 255), tf.keras.layers.Flatten(),
        tf.keras.layers.Dropout(0.5), tf.keras.layers.Dense(4)])


def test_augmenting_export(tmp_path: Path) -> None:
    """Keras' own export goes on augmenting; that is found out, with the way to export it."""
    augmented().export(tmp_path / "saved_model", verbose=False)
    with pytest.raises(InvalidModel, match="answers the same picture differently each time"):
        init(tmp_path / "saved_model", tmp_path)


def test_keras_file(keras_file: Path, tmp_path: Path) -> None:
    """A Keras file is exported, for inference, as the SavedModel that is then drafted."""
    folder = tmp_path / "cats"
    result = run("models", "init", folder, "--keras", keras_file, "--yes")
    assert result.exit_code == 0, result.stderr
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["name"] == "cats"
    assert (manifest["input"]["height"], manifest["labels"]["count"]) == (16, 4)
    assert manifest["output"]["kind"] == "logits"
    assert sorted(path.name for path in folder.iterdir()) == [
        "labels.txt", "manifest.json", "saved_model"]
    assert registered(folder)["files"]


def test_file_that_is_not_keras(tmp_path: Path) -> None:
    """A file that Keras cannot load is told in one line, and nothing is left behind."""
    path = tmp_path / "cats.keras"
    path.write_bytes(b"no model")
    result = run("models", "init", tmp_path / "cats", "--keras", path, "--yes")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("imgclass: Keras cannot load cats.keras; ")
    assert not (tmp_path / "cats").exists()
