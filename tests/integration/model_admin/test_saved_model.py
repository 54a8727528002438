"""Loading SavedModels and holding them against their manifests."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import InvalidModel
from model_admin.validation.probes import probe_inputs
from model_admin.validation.saved_model import LoadedModel, load_model, median_latency_ms
from tests.integration.model_admin.conftest import Build, manifest_of
from tests.models import THREADS

INPUT: dict[str, Any] = {
    "signature": "serving_default", "name": "image", "dtype": "float32", "height": 8, "width": 8,
    "color_mode": "RGB"}
OUTPUT = {"name": "scores", "kind": "probabilities"}


def load(folder: Path) -> LoadedModel:
    manifest = manifest_of(folder)
    return load_model(folder / "saved_model", manifest, probe_inputs(manifest), THREADS)


def refusal(folder: Path) -> str:
    with pytest.raises(InvalidModel) as caught:
        load(folder)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "dtype", "shape"), [
    ("good", "float32", [None, 8, 8, 3]), ("logits", "float32", [None, 8, 8, 3]),
    ("uint8", "uint8", [None, 8, 8, 3]), ("fixed-batch", "float32", [1, 8, 8, 3]),
    ("any-size", "float32", [None, None, None, 3]), ("unknown-rank", "float32", None),
    ("features-too", "float32", [None, 8, 8, 3])])
def test_good(built: Build, kind: str, dtype: str, shape: list[int | None] | None) -> None:
    """A model that fits its manifest answers probabilities; its signature is reported."""
    model = load(built(kind))
    assert model.signature_report["input"] == {"name": "image", "shape": shape, "dtype": dtype}
    assert model.signature_report["output"]["name"] == "scores"
    assert model.answers.shape == (len(model.probes), 3)
    assert np.allclose(model.answers.sum(axis=1), 1, atol=1e-5)
    assert model.answers.min() >= 0
    assert len(np.unique(model.answers.round(4), axis=0)) > 1
    assert model.measure()["latency_ms"] > 0


@pytest.mark.parametrize("classes", [2, 10_000])
def test_number_of_classes(built: Build, classes: int) -> None:
    """Few classes and many."""
    assert load(built("good", classes=classes)).answers.shape[1] == classes


def test_logits_become_probabilities(built: Build) -> None:
    """Logits go through softmax and then equal what the model with softmax says."""
    assert np.allclose(load(built("logits")).answers, load(built("good")).answers, atol=1e-6)


@pytest.mark.parametrize(("kind", "changes", "reason"), [
    ("nan", {}, "The SavedModel answers NaN or infinity."),
    ("infinite", {}, "The SavedModel answers NaN or infinity."),
    ("float64", {}, "The signature gives float64, not float32."),
    ("flat", {}, "manifest.json: $.labels.count: a picture gives an output of shape (), "),
    ("unstable", {}, "The SavedModel cannot be run: "),
    ("random", {}, "The SavedModel answers the same picture differently each time: "),
    ("good", {"labels": {"file": "labels.txt", "count": 4}},
     "manifest.json: $.labels.count: a picture gives an output of shape (3,), not (4,)."),
    ("good", {"labels": {"file": "labels.txt", "count": 2}},
     "manifest.json: $.labels.count: a picture gives an output of shape (3,), not (2,)."),
    ("good", {"input": {**INPUT, "signature": "predict"}},
     "The SavedModel has no signature 'predict', only ['serving_default']."),
    ("good", {"input": {**INPUT, "name": "pixels"}},
     "manifest.json: $.input.name: the signature takes ['image'], not 'pixels'."),
    ("good", {"output": {**OUTPUT, "name": "output_0"}},
     "manifest.json: $.output.name: the signature gives ['scores'], not 'output_0'."),
    ("good", {"input": {**INPUT, "dtype": "uint8"}},
     "manifest.json: $.input.dtype: the signature takes float32."),
    ("uint8", {"input": INPUT}, "manifest.json: $.input.dtype: the signature takes uint8."),
    ("good", {"input": {**INPUT, "height": 16}},
     "manifest.json: $.input: the signature takes (None, 8, 8, 3), not (None, 16, 8, 3)."),
    ("good", {"input": {**INPUT, "width": 9}},
     "manifest.json: $.input: the signature takes (None, 8, 8, 3), not (None, 8, 9, 3)."),
    ("unknown-rank", {"input": {**INPUT, "width": 9}}, "The SavedModel cannot be run: "),
    ("logits", {"output": OUTPUT},
     "manifest.json: $.output.kind: the outputs are no probabilities; are they logits?"),
    ("negative", {},
     "manifest.json: $.output.kind: the outputs are no probabilities; are they logits?"),
    ("features-too", {"output": {"name": "features", "kind": "logits"}},
     "manifest.json: $.labels.count: a picture gives an output of shape (192,), not (3,)."),
], ids=lambda value: value if isinstance(value, str) and " " not in value else None)
def test_refused(built: Build, kind: str, changes: dict[str, Any], reason: str) -> None:
    """What does not fit is named, by the manifest's field where there is one, in one line."""
    detail = refusal(built(kind, **changes))
    assert detail.startswith(reason)
    assert "\n" not in detail and len(detail) < 400


def test_weights_missing(built: Build, tmp_path: Path) -> None:
    """A SavedModel without its variables cannot be loaded."""
    shutil.copytree(built("good"), tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "saved_model" / "variables")
    assert refusal(tmp_path).startswith("TensorFlow cannot load the SavedModel: ")


def test_weights_damaged(built: Build, tmp_path: Path) -> None:
    """Nor can one whose variables were cut short."""
    shutil.copytree(built("good"), tmp_path, dirs_exist_ok=True)
    data = tmp_path / "saved_model" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    assert refusal(tmp_path).startswith("TensorFlow cannot load the SavedModel: ")


def test_latency() -> None:
    """The median of several runs with one picture each, after one that does not count."""
    sizes: list[int] = []
    probes = np.zeros((3, 8, 8, 3), np.float32)
    assert median_latency_ms(lambda pixels: sizes.append(len(pixels)), probes) < 10
    assert set(sizes) == {1} and len(sizes) > 5
