"""The inputs that models are tried with."""
from __future__ import annotations

import numpy as np
import pytest

from model_admin.validation.probes import probe_inputs
from tests.manifests import manifest, preprocessing


def test_shape() -> None:
    """Eight pictures of the manifest's size."""
    probes = probe_inputs(manifest(input={"height": 16, "width": 24}))
    assert (probes.shape, probes.dtype) == ((8, 16, 24, 3), np.float32)


def test_always_the_same() -> None:
    """Two validations of one model compare the same pictures."""
    assert np.array_equal(probe_inputs(manifest()), probe_inputs(manifest()))


def test_all_different() -> None:
    """No probe repeats another: each can tell two models apart."""
    probes = probe_inputs(manifest()).reshape(8, -1)
    assert len(np.unique(probes, axis=0)) == 8


def test_range_of_pictures() -> None:
    """Probes are normalised like pictures, so that they lie where pictures lie."""
    probes = probe_inputs(manifest())
    assert probes.min() == pytest.approx((0 - 127) / 128)
    assert probes.max() == pytest.approx((255 - 127) / 128)


def test_channels() -> None:
    """Each channel has its own mean and scale."""
    probes = probe_inputs(manifest(preprocessing=preprocessing(
        "shorter_side", 256, normalization={"mean": [0, 50, 100], "scale": [1, 2, 4]})))
    black, white = probes[0, 0, 0], probes[1, 0, 0]
    assert black.tolist() == [0, -25, -25]
    assert white.tolist() == [255, 102.5, 38.75]


def test_uint8() -> None:
    """A model of raw pixels gets raw pixels, every value of them."""
    probes = probe_inputs(manifest(input={"dtype": "uint8"}))
    assert probes.dtype == np.uint8
    assert (probes.min(), probes.max()) == (0, 255)
    assert len(np.unique(probes)) == 256
