"""The folding of batch normalisation into convolutions."""

from __future__ import annotations

import numpy as np
from network import fold


def _weights(layer: str, norm: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    out = shape[0]
    return {
        f"{layer}.weight": random.normal(size=shape).astype("f4"),
        f"{norm}.weight": random.normal(size=out).astype("f4"),
        f"{norm}.bias": random.normal(size=out).astype("f4"),
        f"{norm}.running_mean": random.normal(size=out).astype("f4"),
        f"{norm}.running_var": random.uniform(0.1, 2, out).astype("f4"),
        "_fc.weight": random.normal(size=(3, 2)).astype("f4"),
        "_fc.bias": random.normal(size=3).astype("f4"),
    }


def test_a_folded_convolution_equals_convolution_and_normalisation():
    """A 1x1 kernel with its folded bias gives what the two layers gave one after the other."""
    given = _weights("_blocks.3._expand_conv", "_blocks.3._bn0", (4, 2, 1, 1))
    folded = fold(given)
    x = np.array([0.5, -2.0])
    y = given["_blocks.3._expand_conv.weight"][:, :, 0, 0] @ x
    gamma, beta, mean, variance = (
        given[f"_blocks.3._bn0.{part}"]
        for part in ("weight", "bias", "running_mean", "running_var"))
    expected = (y - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    kernel = folded["_blocks.3._expand_conv.kernel"][0, 0]
    np.testing.assert_allclose(x @ kernel + folded["_blocks.3._expand_conv.bias"], expected,
                               rtol=1e-5)


def test_kernels_are_laid_out_as_tensorflow_reads_them():
    """Height and width come first; a depthwise kernel keeps one output per input channel."""
    assert fold(_weights("_conv_stem", "_bn0", (4, 3, 5, 2)))["_conv_stem.kernel"].shape == (
        5, 2, 3, 4)
    depthwise = fold(_weights("_blocks.0._depthwise_conv", "_blocks.0._bn1", (4, 1, 5, 2)))
    assert depthwise["_blocks.0._depthwise_conv.kernel"].shape == (5, 2, 4, 1)
    assert depthwise["_fc.kernel"].shape == (2, 3)
    assert {value.dtype for value in depthwise.values()} == {np.dtype(np.float32)}
