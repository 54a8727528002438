"""What a SavedModel says of itself."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from common.errors import InvalidModel
from model_admin.authoring.signature import Signature, load_signature
from tests import models


def save(folder: Path, signatures: Any = None, **specs: tf.TensorSpec) -> Path:
    """A SavedModel whose signature serving_default takes `specs` and answers a mean."""
    module = tf.Module()
    module.factor = tf.Variable(1.0)

    def answer(**inputs: Any) -> dict[str, Any]:
        means = [tf.reduce_mean(tf.cast(each, tf.float32)) for each in inputs.values()]
        return {"mean": module.factor * tf.add_n(means)}

    if signatures is None:
        signatures = tf.function(answer).get_concrete_function(
            **{name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()})
    tf.saved_model.save(module, str(folder), signatures)
    return folder


def spec(*shape: int | None, dtype: Any = tf.float32) -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype)


@pytest.mark.parametrize(("kind", "dtype", "height", "width"), [
    ("good", "float32", 8, 8), ("uint8", "uint8", 8, 8), ("fixed-batch", "float32", 8, 8),
    ("any-size", "float32", None, None), ("unknown-rank", "float32", None, None)])
def test_signature(
    tmp_path: Path, kind: str, dtype: str, height: int | None, width: int | None
) -> None:
    """Name, type and size of the input are read from the signature, as far as it tells."""
    found = load_signature(models.build(kind, tmp_path) / "saved_model")
    assert isinstance(found, Signature)
    assert (found.name, found.input_name) == ("serving_default", "image")
    assert (found.dtype, found.height, found.width) == (dtype, height, width)


@pytest.mark.parametrize(("inputs", "words"), [
    ({"picture": spec(None, dtype=tf.string)}, "'picture' takes string; pictures come as float32"),
    ({"picture": spec(None, 8, 8, 3, dtype=tf.float16)}, "takes float16"),
    ({"picture": spec(None, 3, 8, 8)}, r"takes the shape \(None, 3, 8, 8\); .* in RGB"),
    ({"picture": spec(None, 8, 8, 1)}, r"takes the shape \(None, 8, 8, 1\)"),
    ({"picture": spec(None, 192)}, r"takes the shape \(None, 192\)"),
    ({"a": spec(None, 8, 8, 3), "b": spec(None, 8, 8, 3)}, r"takes 2 inputs \['a', 'b'\]"),
])
def test_no_picture(tmp_path: Path, inputs: dict[str, tf.TensorSpec], words: str) -> None:
    """An input that takes no RGB picture is refused with what it takes."""
    with pytest.raises(InvalidModel, match=words):
        load_signature(save(tmp_path / "model", **inputs))


def test_several_signatures(tmp_path: Path) -> None:
    """serving_default is served unless another is asked for; of a wrong name, all are told."""
    mean = tf.function(lambda image: {"mean": tf.reduce_mean(image)})
    served, other = (mean.get_concrete_function(
        tf.TensorSpec([None, side, side, 3], tf.float32, "image")) for side in (8, 16))
    path = save(tmp_path / "model", {"serving_default": served, "other": other})
    assert load_signature(path).height == 8
    assert load_signature(path, "other").height == 16
    with pytest.raises(InvalidModel, match=r"no signature 'x', only \['other', 'serving_default'"):
        load_signature(path, "x")


def test_only_signature(tmp_path: Path) -> None:
    """The only signature is served whatever its name; of several others one must be chosen."""
    mean = tf.function(lambda image: {"mean": tf.reduce_mean(image)}).get_concrete_function(
        tf.TensorSpec([None, 8, 8, 3], tf.float32, "image"))
    assert load_signature(save(tmp_path / "one", {"classify": mean})).name == "classify"
    two = save(tmp_path / "two", {"a": mean, "b": mean})
    with pytest.raises(InvalidModel, match="choose one with --signature"):
        load_signature(two)


def test_no_signature(tmp_path: Path) -> None:
    """A model saved without one is told how to save it."""
    with pytest.raises(InvalidModel, match="has no signature: save it with signatures="):
        load_signature(save(tmp_path / "model", {}))


def test_forbidden_operation(tmp_path: Path) -> None:
    """A graph that reads files is refused before TensorFlow loads it."""
    reading = tf.function(lambda image: {"text": tf.io.read_file("/etc/hostname")})
    path = save(tmp_path / "model", reading.get_concrete_function(
        tf.TensorSpec([None, 8, 8, 3], tf.float32, "image")))
    with pytest.raises(InvalidModel, match="The operation ReadFile in .* is not allowed"):
        load_signature(path)


def test_variables_are_missing(tmp_path: Path) -> None:
    """What TensorFlow cannot load is told in one line."""
    path = save(tmp_path / "model", picture=spec(None, 8, 8, 3))
    (path / "variables" / "variables.index").unlink()
    with pytest.raises(InvalidModel, match="TensorFlow cannot load the SavedModel: [^\n]+$"):
        load_signature(path)
