"""The pictures that are sent: a small one, and one of twelve megapixels."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"640x480": (640, 480), "12 MP": (4000, 3000)}


def write_pictures(source: Path, folder: Path) -> dict[str, Path]:
    """A photograph in each size, with grain as a camera has it, as JPEG of quality 90."""
    written = {}
    for name, (width, height) in SIZES.items():
        with Image.open(source) as photograph:
            pixels = np.asarray(photograph.convert("RGB").resize((width, height)), np.int16)
        grain = np.random.default_rng(1).normal(0, 6, pixels.shape)
        written[name] = folder / f"{width}x{height}.jpg"
        Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(
            written[name], quality=90)
    return written
