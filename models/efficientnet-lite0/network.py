"""EfficientNet-Lite0 as a plain TensorFlow module, exported as a SavedModel.

The architecture is EfficientNet-B0 (arXiv:1905.11946, table 1) as the Lite variant changes it: no
squeeze-and-excitation, and ReLU6 in place of swish. Every batch normalisation is folded into the
convolution before it. No Keras: its export writes each variable twice and in an order that changes
from run to run.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from signature import INPUT, OUTPUT, SIGNATURE, SIZE
from weights import Array

# Repeats and first stride of each stage; all but the first stage widen their input sixfold.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
# The normalisation that follows each convolution, and the epsilon it was trained with.
_NORMS = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1",
          "_project_conv": "_bn2", "_conv_head": "_bn1"}
_EPSILON = 1e-3


class _Block(NamedTuple):
    prefix: str
    stride: int
    expands: bool
    shortcut: bool


def _blocks() -> Iterator[_Block]:
    number = 0
    for stage, (repeats, stride) in enumerate(_STAGES):
        for repeat in range(repeats):
            yield _Block(f"_blocks.{number}.", 1 if repeat else stride, stage > 0, repeat > 0)
            number += 1


def fold(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return float32 kernels (height, width, in, out) and biases (out,) under `<layer>.<part>`.

    `weights` are PyTorch's (out, in, height, width). A depthwise kernel is (height, width, in, 1).
    """
    folded = {}
    for name in weights:
        prefix, dot, layer = name.removesuffix(".weight").rpartition(".")
        if layer in _NORMS and name.endswith(".weight"):
            kernel, bias = _fold_norm(weights[name], weights, f"{prefix}{dot}{_NORMS[layer]}")
            axes = (2, 3, 0, 1) if layer == "_depthwise_conv" else (2, 3, 1, 0)
            folded[f"{prefix}{dot}{layer}.kernel"] = kernel.transpose(axes)
            folded[f"{prefix}{dot}{layer}.bias"] = bias
    folded["_fc.kernel"] = weights["_fc.weight"].T
    folded["_fc.bias"] = weights["_fc.bias"]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in folded.items()}


def _fold_norm(kernel: Array, weights: Mapping[str, Array], norm: str) -> tuple[Array, Array]:
    gamma, beta, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / np.sqrt(variance + _EPSILON)
    return kernel * scale[:, None, None, None], beta - mean * scale


def export(weights: Mapping[str, Array], folder: Path) -> None:
    """Write the network as a SavedModel into a new folder.

    Its one signature maps `image`, float32 (n, 224, 224, 3), to `output_0`, float32 (n, 1000)
    probabilities. Raises OSError when TensorFlow cannot write the folder.
    """
    import tensorflow as tf

    module = tf.Module()
    module.parameters = {name: tf.Variable(value, trainable=False)
                         for name, value in fold(weights).items()}
    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, INPUT)
    classify = tf.function(_forward(tf, module.parameters), input_signature=[spec])
    try:
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: classify})
    except tf.errors.OpError as error:
        code = errno.ENOSPC if os.strerror(errno.ENOSPC) in error.message else errno.EIO
        raise OSError(code, os.strerror(code), str(folder)) from error
    # A random identifier and an empty folder: loading needs neither, and two builds must be equal.
    (folder / "fingerprint.pb").unlink()
    shutil.rmtree(folder / "assets")


def _forward(tf: Any, parameters: Mapping[str, Any]) -> Any:
    def convolve(layer: str, x: Any, stride: int = 1) -> Any:
        kernel, bias = parameters[f"{layer}.kernel"], parameters[f"{layer}.bias"]
        convolution = (tf.nn.depthwise_conv2d if layer.endswith("_depthwise_conv")
                       else tf.nn.conv2d)
        return tf.nn.bias_add(convolution(x, kernel, [1, stride, stride, 1], "SAME"), bias)

    def convolve_relu(layer: str, x: Any, stride: int = 1) -> Any:
        return tf.nn.relu6(convolve(layer, x, stride))

    def forward(image: Any) -> dict[str, Any]:
        x = convolve_relu("_conv_stem", image, 2)
        for prefix, stride, expands, shortcut in _blocks():
            y = convolve_relu(f"{prefix}_expand_conv", x) if expands else x
            y = convolve_relu(f"{prefix}_depthwise_conv", y, stride)
            y = convolve(f"{prefix}_project_conv", y)
            x = x + y if shortcut else y
        x = tf.reduce_mean(convolve_relu("_conv_head", x), axis=[1, 2])
        logits = tf.matmul(x, parameters["_fc.kernel"]) + parameters["_fc.bias"]
        return {OUTPUT: tf.nn.softmax(logits)}

    return forward
