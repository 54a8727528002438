"""Pictures that an int8 twin is calibrated with, and others that it is judged by."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from common.errors import BrokenPicture, PayloadTooLarge, UnsupportedMedia
from common.inference.engine import Pixels
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import CALIBRATION, Manifest
from model_admin.validation.golden import MAX_PIXELS

MIN_PICTURES = 20
# What the inputs made of the pictures may occupy; MIN_PICTURES are taken whatever they need.
MAX_INPUT_BYTES = 512 << 20


@dataclass(frozen=True)
class Pictures:
    """Inputs, each of shape (1, height, width, 3), no two of them equal.

    `calibration` and `evaluation` are halves; `unreadable` counts files that gave no input.
    """

    calibration: list[Pixels]
    evaluation: list[Pixels]
    unreadable: int

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.calibration) + len(self.evaluation)


def read_pictures(folder: Path, manifest: Manifest, probes: Pixels) -> Pictures:
    """Read `folder`/calibration and split it; the same pictures are always split alike.

    A picture that occurs twice counts once, and one that is among `probes`, a golden picture
    say, not at all: nothing may be judged by what it was calibrated with.
    """
    known = {_digest(one) for one in probes}
    inputs: dict[str, Pixels] = {}
    unreadable = 0
    size = manifest.height * manifest.width * 3 * probes.itemsize
    limit = max(MIN_PICTURES, MAX_INPUT_BYTES // size)
    for path in sorted((folder / CALIBRATION).glob("*")):
        if len(inputs) == limit:
            break
        try:
            pixels = preprocess(open_picture(path.read_bytes(), MAX_PIXELS), manifest)
        except (BrokenPicture, PayloadTooLarge, UnsupportedMedia):
            unreadable += 1
            continue
        if (digest := _digest(pixels)) not in known:
            inputs[digest] = pixels
    ordered = [inputs[digest] for digest in sorted(inputs)]
    half = len(ordered) // 2
    return Pictures(ordered[:half], ordered[half:], unreadable)


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()
