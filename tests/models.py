"""Tiny SavedModels, good and bad in every way a model can be. Imports tensorflow."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from common.inference.tensorflow import limit_threads
from tests.archives import LABELS, folder_members, manifest

SIZE, FEATURES = 8, 8 * 8 * 3
THREADS = 1

# TensorFlow sizes its pools once in a process: whoever loads a model in the tests' own process
# does it with THREADS.
limit_threads(THREADS)

Graph = Callable[[Any, Any], dict[str, Any]]


def spec(*shape: int | None, dtype: str = "float32") -> Any:
    """A signature's input."""
    return tf.TensorSpec(None if not shape else shape, dtype, "image")


FLOAT = spec(None, SIZE, SIZE, 3)


def logits(image: Any, weights: Any) -> Any:
    """One linear layer."""
    return tf.matmul(tf.reshape(tf.cast(image, tf.float32), [-1, FEATURES]), weights)


def scores(image: Any, weights: Any) -> Any:
    """The same with softmax."""
    return tf.nn.softmax(logits(image, weights))


def _imprecise(image: Any, weights: Any) -> dict[str, Any]:
    """The last bits of exponentials decide, which every library computes a little differently."""
    large = 1e6 * tf.exp(tf.reshape(image, [-1, FEATURES]))
    return {"scores": scores(large - tf.floor(large), weights)}


def _random(image: Any, weights: Any) -> dict[str, Any]:
    base = scores(image, weights)
    return {"scores": tf.nn.softmax(base + tf.random.uniform(tf.shape(base)))}


def _unstable(image: Any, weights: Any) -> dict[str, Any]:
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_sum(image) > 1e9, ["too dark"])]):
        return {"scores": tf.identity(scores(image, weights))}


def _with(effect: Callable[[], Any]) -> Graph:
    """A good model that also does something else."""
    def graph(image: Any, weights: Any) -> dict[str, Any]:
        with tf.control_dependencies(tf.nest.flatten(effect())):
            return {"scores": tf.identity(scores(image, weights))}
    return graph


def _read_in_a_branch(image: Any, weights: Any) -> dict[str, Any]:
    text = tf.cond(tf.reduce_sum(image) > 0, lambda: tf.io.read_file("/etc/hostname"),
                   lambda: tf.constant(""))
    return {"scores": scores(image, weights), "text": text}


def _whole_file_reader() -> Any:
    reader = tf.raw_ops.WholeFileReaderV2()
    queue = tf.raw_ops.FIFOQueueV2(component_types=[tf.string])
    return tf.raw_ops.ReaderReadV2(reader_handle=reader, queue_handle=queue).value


# What each kind of model computes of its input, shape (n, 8, 8, 3), and its weights.
GRAPHS: dict[str, Graph] = {
    "good": lambda image, weights: {"scores": scores(image, weights)},
    "logits": lambda image, weights: {"scores": logits(image, weights)},
    "nan": lambda image, weights: {"scores": scores(image, weights) * np.nan},
    "infinite": lambda image, weights: {"scores": logits(image, weights) / 0},
    "float64": lambda image, weights: {"scores": tf.cast(scores(image, weights), tf.float64)},
    "flat": lambda image, weights: {"scores": tf.reshape(scores(image, weights), [-1])},
    "any-size": lambda image, weights: {
        "scores": scores(tf.image.resize(image, [SIZE, SIZE]), weights)},
    "features-too": lambda image, weights: {
        "features": tf.reshape(image, [-1, FEATURES]), "scores": scores(image, weights),
        "z-features": tf.reshape(image, [-1, FEATURES])},
    "other-scores-too": lambda image, weights: {
        "a-scores": scores(image, -weights), "scores": scores(image, weights),
        "z-scores": scores(image, -weights)},
    "negative": lambda image, weights: {
        "scores": scores(image, weights) + tf.constant([1.0, -1.0, 0.0])},
    "uniform": lambda image, weights: {"scores": scores(image, 0 * weights)},
    "imprecise": _imprecise,
    "random": _random,
    "unstable": _unstable,
    "uncompilable": lambda image, weights: {
        "scores": tf.nn.softmax(tf.math.digamma(1 + scores(image, weights)))},
    # Operations that no model needs.
    "ReadFile": _with(lambda: tf.io.read_file("/etc/hostname")),
    "WriteFile": _with(lambda: tf.io.write_file("/tmp/never", "x")),
    "MatchingFiles": _with(lambda: tf.io.matching_files("/etc/*")),
    "WholeFileReaderV2": _with(_whole_file_reader),
    "PrintV2": _with(lambda: tf.raw_ops.PrintV2(
        input="x", output_stream="file:///tmp/never")),
    "EagerPyFunc": _with(lambda: tf.py_function(lambda: 1, [], tf.int32)),
    "PyFunc": _with(lambda: tf.numpy_function(lambda: 1, [], tf.int64)),
    "RestoreV2": _with(lambda: tf.raw_ops.RestoreV2(
        prefix="/tmp/never", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32])),
    "SaveV2": _with(lambda: tf.raw_ops.SaveV2(
        prefix="/tmp/never", tensor_names=["x"], shape_and_slices=[""], tensors=[1.0])),
    "in-a-branch": _read_in_a_branch,
}
SPECS = {
    "any-size": spec(None, None, None, 3),
    "unknown-rank": spec(),
    "fixed-batch": spec(1, SIZE, SIZE, 3),
    "uint8": spec(None, SIZE, SIZE, 3, dtype="uint8"),
}


def build(kind: str, folder: Path, classes: int = len(LABELS), **changes: Any) -> Path:
    """Write a model of a kind in GRAPHS, or a good one with an input in SPECS.

    The folder gets the files of an archive; the manifest fits the model but for `changes`.
    """
    module = tf.Module()
    module.weights = tf.Variable(
        np.random.default_rng(1).normal(size=(FEATURES, classes)) / 8, dtype=tf.float32)
    graph, source = GRAPHS.get(kind, GRAPHS["good"]), SPECS.get(kind, FLOAT)
    serve = tf.function(lambda image: graph(image, module.weights), input_signature=[source])
    save(module, serve, folder)
    return complete(folder, classes, **{
        "input": {"signature": "serving_default", "name": "image", "dtype": source.dtype.name,
                  "height": SIZE, "width": SIZE, "color_mode": "RGB"},
        "output": {"name": "scores", "kind": "logits" if kind == "logits" else "probabilities"},
        **changes})


def save(module: Any, serve: Any, folder: Path) -> None:
    """Write `module` as a SavedModel with one signature, the function `serve`."""
    tf.saved_model.save(module, str(folder / "saved_model"), {"serving_default": serve})


def complete(folder: Path, classes: int, **changes: Any) -> Path:
    """Add labels and a manifest to a folder with a SavedModel."""
    assets = folder / "saved_model" / "assets"
    if assets.is_dir():
        assets.rmdir()
    names = [*LABELS, *(f"class {number}" for number in range(len(LABELS), classes))][:classes]
    (folder / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    document = manifest(folder_members(folder), **{
        "labels": {"file": "labels.txt", "count": classes}, **changes})
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@contextmanager
def tampered(folder: Path) -> Iterator[Any]:
    """The graph of a model's folder, to be changed in place."""
    path = folder / "saved_model" / "saved_model.pb"
    document = saved_model_pb2.SavedModel()
    document.ParseFromString(path.read_bytes())
    yield document.meta_graphs[0]
    path.write_bytes(document.SerializeToString())
