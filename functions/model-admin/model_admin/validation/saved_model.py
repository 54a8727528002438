"""Loading a SavedModel and holding it against its manifest."""
from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from common.errors import InvalidModel
from common.inference.engine import Pixels, probabilities
from common.inference.manifest import Manifest
from common.inference.tensorflow import TensorFlowEngine, limit_threads

TIMED_RUNS = 10
REPEATS = 3
# One picture's answers may differ by what threads add up in another order, but not by more.
SAME_ANSWER = 1e-5
# How far the sum of a picture's probabilities may be from 1.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class LoadedModel:
    """A SavedModel that does what its manifest says.

    `probes` are inputs of shape (n, height, width, 3), `answers` the probabilities, of shape
    (n, classes), that TensorFlow gives for them.
    """

    engine: TensorFlowEngine
    probes: Pixels
    answers: NDArray[np.float32]
    signature_report: dict[str, Any]

    def measure(self) -> dict[str, Any]:
        """How long TensorFlow takes for one picture."""
        return {"latency_ms": median_latency_ms(self.engine.predict, self.probes)}


def load_model(path: Path, manifest: Manifest, probes: Pixels, threads: int) -> LoadedModel:
    """Load a SavedModel and let it answer `probes`, shape (n, height, width, 3).

    Raises InvalidModel naming what does not fit the manifest.
    """
    limit_threads(threads)
    loaded = load_saved_model(path)
    signature = loaded.signatures.get(manifest.signature)
    if signature is None:
        raise InvalidModel(
            f"The SavedModel has no signature {manifest.signature!r}, only "
            f"{sorted(loaded.signatures)}.")
    report = _check_signature(signature, manifest)
    engine = TensorFlowEngine(loaded, manifest)
    try:
        output, *others = (
            np.concatenate([engine.predict(one[np.newaxis]) for one in probes])
            for _ in range(REPEATS))
    except Exception as error:  # TensorFlow raises whatever the graph leads it to
        raise InvalidModel(f"The SavedModel cannot be run: {first_line(error)}") from error
    answers = _check_output(output, manifest)
    if not all(np.allclose(output, other, SAME_ANSWER, SAME_ANSWER) for other in others):
        raise InvalidModel(
            "The SavedModel answers the same picture differently each time: layers that augment "
            "pictures or drop values are switched on in it.")
    return LoadedModel(engine, probes, answers, report)


def load_saved_model(path: Path) -> Any:
    """What TensorFlow makes of the folder. Raises InvalidModel if it cannot be loaded."""
    try:
        return tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises whatever the graph leads it to
        raise InvalidModel(
            f"TensorFlow cannot load the SavedModel: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error of TensorFlow says, without its call stacks."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def median_latency_ms(predict: Any, probes: Pixels) -> float:
    """Median milliseconds of TIMED_RUNS calls with one picture each, after one to warm up."""
    predict(probes[:1])
    times = []
    for run in range(TIMED_RUNS):
        one = probes[run % len(probes)][np.newaxis]
        started = time.perf_counter()
        predict(one)
        times.append((time.perf_counter() - started) * 1000)
    return round(float(np.median(times)), 2)


def _check_signature(signature: Any, manifest: Manifest) -> dict[str, Any]:
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    if set(inputs) != {manifest.input_name}:
        raise InvalidModel(
            f"manifest.json: $.input.name: the signature takes {sorted(inputs)}, "
            f"not {manifest.input_name!r}.")
    if manifest.output_name not in outputs:
        raise InvalidModel(
            f"manifest.json: $.output.name: the signature gives {sorted(outputs)}, "
            f"not {manifest.output_name!r}.")
    source, output = inputs[manifest.input_name], outputs[manifest.output_name]
    wanted = tf.TensorShape([None, manifest.height, manifest.width, 3])
    if source.dtype.name != manifest.dtype:
        raise InvalidModel(
            f"manifest.json: $.input.dtype: the signature takes {source.dtype.name}.")
    if not wanted.is_compatible_with(source.shape):
        raise InvalidModel(
            f"manifest.json: $.input: the signature takes {source.shape}, not {wanted}.")
    if output.dtype.name != "float32":
        raise InvalidModel(f"The signature gives {output.dtype.name}, not float32.")
    return {
        "input": {"name": manifest.input_name, "shape": _dimensions(source.shape),
                  "dtype": source.dtype.name},
        "output": {"name": manifest.output_name, "shape": _dimensions(output.shape),
                   "dtype": output.dtype.name},
    }


def _dimensions(shape: tf.TensorShape) -> list[int | None] | None:
    """None for a dimension, or for the whole shape, that the model leaves open."""
    return None if shape.rank is None else shape.as_list()


def _check_output(output: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    if output.shape[1:] != (manifest.labels_count,):
        raise InvalidModel(
            f"manifest.json: $.labels.count: a picture gives an output of shape "
            f"{output.shape[1:]}, not ({manifest.labels_count},).")
    if not np.isfinite(output).all():
        raise InvalidModel("The SavedModel answers NaN or infinity.")
    answers = probabilities(output, manifest)
    if answers.min() < 0 or not np.allclose(answers.sum(axis=1), 1, atol=SUM_TOLERANCE):
        raise InvalidModel(
            "manifest.json: $.output.kind: the outputs are no probabilities; are they logits?")
    return answers
