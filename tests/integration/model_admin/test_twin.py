"""LiteRT twins: compiled, proven, or refused with the figures."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.inference.litert import LiteRtEngine
from common.inference.tensorflow import TensorFlowEngine
from model_admin.validation.probes import probe_inputs
from model_admin.validation.saved_model import load_model
from model_admin.validation.twin import TOLERANCE, compile_twin
from tests import models
from tests.integration.model_admin.conftest import Build, manifest_of


def compiled(folder: Path, twin: Path, *shift: float) -> dict[str, Any]:
    """The report on the twin of a model's folder.

    `shift` is added to what TensorFlow answered: by that much the twin is then off.
    """
    manifest = manifest_of(folder)
    model = load_model(
        folder / "saved_model", manifest, probe_inputs(manifest), models.THREADS)
    if shift:
        model = replace(model, answers=model.answers + np.array(shift, np.float32))
    return compile_twin(model, manifest, twin)


@pytest.mark.parametrize("kind", [
    "good", "logits", "uint8", "any-size", "unknown-rank", "fixed-batch", "features-too",
    "other-scores-too"])
def test_accepted(built: Build, tmp_path: Path, kind: str) -> None:
    """A twin that says the same is kept, with the figures that prove it."""
    twin = tmp_path / "twin.tflite"
    report = compiled(built(kind), twin)
    assert report.pop("latency_ms") >= 0
    assert 0 <= report.pop("max_abs_difference") <= 1e-6
    assert report == {
        "accepted": True, "size_bytes": twin.stat().st_size, "probes": 8,
        "top_1_agreement": 1.0, "tolerance": 1e-4}


def test_twin_answers_alone(built: Build, tmp_path: Path) -> None:
    """The file is what predict serves: one picture in, the scores of its classes out."""
    compiled(built("features-too"), tmp_path / "twin.tflite")
    engine = LiteRtEngine(tmp_path / "twin.tflite", threads=1)
    assert engine.predict(np.zeros((1, 8, 8, 3), np.float32)).shape == (1, 3)


def test_difference(built: Build, tmp_path: Path) -> None:
    """A twin that says something else is removed; the report tells how far it is off."""
    twin = tmp_path / "twin.tflite"
    report = compiled(built("imprecise"), twin)
    assert report["accepted"] is False
    assert report["reason"] == "It does not say the same as the SavedModel."
    assert TOLERANCE < report["max_abs_difference"] <= 1
    assert 0 <= report["top_1_agreement"] <= 1
    assert report["size_bytes"] > 0 and report["latency_ms"] >= 0 and report["probes"] == 8
    assert not twin.exists()


@pytest.mark.parametrize(("kind", "shift", "accepted", "agreement"), [
    ("good", (9e-5, -9e-5, 0), True, 1), ("good", (2e-4, -2e-4, 0), False, 1),
    ("uniform", (9e-5, -9e-5, 0), True, 1), ("uniform", (-9e-5, 9e-5, 0), False, 0)])
def test_limits(
    built: Build, tmp_path: Path, kind: str, shift: tuple[float, ...], accepted: bool,
    agreement: float,
) -> None:
    """Both count: how far the probabilities are off, and whether the best class is another."""
    twin = tmp_path / "twin.tflite"
    report = compiled(built(kind), twin, *shift)
    assert (report["accepted"], report["top_1_agreement"]) == (accepted, agreement)
    assert report["max_abs_difference"] == pytest.approx(max(shift), rel=0.01)
    assert twin.exists() is accepted


def test_not_a_number(built: Build, tmp_path: Path) -> None:
    """A twin that answers NaN is removed: no comparison with NaN would have refused it."""
    manifest, good = manifest_of(built("nan")), built("good")
    probes = probe_inputs(manifest)
    model = replace(
        load_model(good / "saved_model", manifest, probes, models.THREADS),
        engine=TensorFlowEngine.load(built("nan") / "saved_model", manifest))
    twin = tmp_path / "twin.tflite"
    report = compile_twin(model, manifest, twin)
    assert (report["accepted"], report["reason"]) == (False, "It answers NaN or infinity.")
    assert report["size_bytes"] > 0
    assert "max_abs_difference" not in report
    assert not twin.exists()


def test_uncompilable(built: Build, tmp_path: Path) -> None:
    """An operation LiteRT does not have is named, in a line, without call stacks of ours."""
    twin = tmp_path / "twin.tflite"
    report = compiled(built("uncompilable"), twin)
    assert report == {
        "accepted": False,
        "reason": "It does not compile: 'tf.Digamma' op is neither a custom op nor a flex op"}
    assert not twin.exists()


@pytest.fixture(scope="module")
def keras_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras 3 model, written by tf.saved_model.save rather than by its own export."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    network = keras.Sequential([
        keras.Input((models.SIZE, models.SIZE, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax")])
    folder = tmp_path_factory.mktemp("keras")
    tf.saved_model.save(network, str(folder / "saved_model"))
    return models.complete(folder, 3, input={
        "signature": "serving_default", "name": "inputs", "dtype": "float32",
        "height": models.SIZE, "width": models.SIZE, "color_mode": "RGB"},
        output={"name": "output_0", "kind": "probabilities"})


def test_keras_model(keras_model: Path, tmp_path: Path) -> None:
    """A model that converts from its folder to a twin of NaN converts right the way we do it."""
    import tensorflow as tf

    naive = tmp_path / "naive.tflite"
    naive.write_bytes(tf.lite.TFLiteConverter.from_saved_model(
        str(keras_model / "saved_model")).convert())
    answers = LiteRtEngine(naive, threads=1).predict(np.zeros((1, 8, 8, 3), np.float32))
    assert np.isnan(answers).any()
    report = compiled(keras_model, tmp_path / "twin.tflite")
    assert report["accepted"] is True
    assert report["max_abs_difference"] < 1e-5
