"""How bright a picture is, as far as the model sees of it."""
from __future__ import annotations

import numpy as np

from common.inference.engine import Pixels
from common.inference.manifest import Manifest

# The share of each channel in luma (ITU-R BT.601).
_LUMA = np.array((0.299, 0.587, 0.114))
# A mean of so many rows and columns is as good as one of all pixels, and costs next to nothing.
_SAMPLES = 32


def brightness(pixels: Pixels, manifest: Manifest) -> float:
    """Mean luma, 0 black to 1 white, of one preprocessed picture, shape (1, height, width, 3)."""
    _, height, width, _ = pixels.shape
    sample = pixels[0, ::max(1, height // _SAMPLES), ::max(1, width // _SAMPLES)]
    mean = sample.mean(axis=(0, 1), dtype=np.float64)
    if manifest.dtype != "uint8":  # which is not normalised
        mean = mean * np.array(manifest.scale) + np.array(manifest.mean)
    return min(max(float(mean @ _LUMA) / 255, 0.0), 1.0)
