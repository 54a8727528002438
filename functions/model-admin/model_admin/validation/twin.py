"""Compiling a model's LiteRT twin and proving that it says the same."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from common.inference.engine import Pixels, probabilities
from common.inference.litert import LiteRtEngine
from common.inference.manifest import Manifest
from model_admin.validation.saved_model import LoadedModel, median_latency_ms

# The largest difference of a probability that still counts as the same answer.
TOLERANCE = 1e-4


def compile_twin(model: LoadedModel, manifest: Manifest, path: Path) -> dict[str, Any]:
    """Write the twin to `path` if it can be compiled and agrees; the report tells either way."""
    try:
        path.write_bytes(_converter(model, manifest).convert())
        engine = LiteRtEngine(path, threads=1)
        answers = probabilities(engine.predict(model.probes), manifest)
    except Exception as error:  # the converter raises whatever the graph leads it to
        path.unlink(missing_ok=True)
        return {"accepted": False, "reason": f"It does not compile: {explain_failure(error)}"}
    report = {
        "accepted": False,
        "size_bytes": path.stat().st_size,
        "latency_ms": median_latency_ms(engine.predict, model.probes),
        "probes": len(model.probes),
        "top_1_agreement": float(np.mean(answers.argmax(axis=1) == model.answers.argmax(axis=1))),
        "tolerance": TOLERANCE,
    }
    # NaN first: no comparison with NaN is true.
    if not np.isfinite(answers).all():
        path.unlink()
        return {**report, "reason": "It answers NaN or infinity."}
    difference = float(np.abs(answers - model.answers).max())
    report["max_abs_difference"] = difference
    if difference > TOLERANCE or report["top_1_agreement"] < 1:
        path.unlink()
        return {**report, "reason": "It does not say the same as the SavedModel."}
    return {**report, "accepted": True}


def convert_to_int8(
    model: LoadedModel, manifest: Manifest, pictures: Sequence[Pixels]
) -> bytes:
    """A twin that computes with 8-bit integers and takes and gives what the other one does.

    `pictures`, each of shape (1, height, width, 3), show the converter the ranges of values.
    """
    def ranges() -> Iterator[list[Pixels]]:
        return ([picture] for picture in pictures)

    converter = _converter(model, manifest)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = ranges
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    flatbuffer: bytes = converter.convert()
    return flatbuffer


def explain_failure(error: Exception) -> str:
    """What the converter says of the operations it does not know, without its call stacks."""
    text = str(error).replace("\0", "?").strip() or type(error).__name__
    unknown = dict.fromkeys(re.findall(r"'tf\.\w+' op [^\n]+", text))
    return "; ".join(unknown)[:500] or text.splitlines()[0][:500]


def _converter(model: LoadedModel, manifest: Manifest) -> Any:
    """From a concrete function: converting the folder can answer NaN without an error.

    The function takes one picture of the manifest's size, which the signature may leave open,
    and gives the manifest's output alone: LiteRT does not keep the order of several.
    """
    one = tf.TensorSpec(
        [1, manifest.height, manifest.width, 3], manifest.dtype, manifest.input_name)
    answer = tf.function(
        lambda pixels: model.engine.signature(
            **{manifest.input_name: pixels})[manifest.output_name],
        input_signature=[one])
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [answer.get_concrete_function()], model.engine.model)
