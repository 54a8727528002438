"""Compiling a model's LiteRT twin and proving that it says the same."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from common.inference.engine import probabilities
from common.inference.litert import LiteRtEngine
from common.inference.manifest import Manifest
from model_admin.validation.saved_model import LoadedModel, median_latency_ms

# The largest difference of a probability that still counts as the same answer.
TOLERANCE = 1e-4


def compile_twin(model: LoadedModel, manifest: Manifest, path: Path) -> dict[str, Any]:
    """Write the twin to `path` if it can be compiled and agrees; the report tells either way."""
    try:
        path.write_bytes(_convert(model))
        engine = LiteRtEngine(path, threads=1)
        answers = probabilities(engine.predict(model.probes), manifest)
    except Exception as error:  # the converter raises whatever the graph leads it to
        path.unlink(missing_ok=True)
        return {"accepted": False, "reason": f"It does not compile: {str(error).strip()[:500]}"}
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


def _convert(model: LoadedModel) -> bytes:
    """From the concrete function: converting the folder can answer NaN without an error."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [model.engine.signature], model.engine.model)
    flatbuffer: bytes = converter.convert()
    return flatbuffer
