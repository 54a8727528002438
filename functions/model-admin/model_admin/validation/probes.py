"""Inputs that a model is tried with."""
from __future__ import annotations

import numpy as np

from common.inference.engine import Pixels
from common.inference.manifest import Manifest

NOISE_PROBES = 4


def probe_inputs(manifest: Manifest) -> Pixels:
    """Black, white, two gradients and noise, always the same; shape (8, height, width, 3)."""
    random = np.random.default_rng(0)
    flat = np.zeros((4, manifest.height, manifest.width, 3), np.float32)
    flat[1] = 255
    flat[2] = np.linspace(0, 255, manifest.width)[None, :, None]
    flat[3] = np.linspace(0, 255, manifest.height)[:, None, None]
    noise = random.integers(0, 256, (NOISE_PROBES, *flat.shape[1:])).astype(np.float32)
    pixels = np.concatenate([flat, noise])
    if manifest.dtype == "uint8":
        return pixels.astype(np.uint8)
    pixels -= np.array(manifest.mean, np.float32)
    pixels /= np.array(manifest.scale, np.float32)
    return pixels
