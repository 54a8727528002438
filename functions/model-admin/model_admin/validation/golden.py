"""Golden pictures: what a model must answer before it may be activated."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import BrokenPicture, InvalidModel, PayloadTooLarge, UnsupportedMedia
from common.inference.engine import Pixels
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Manifest

MAX_PIXELS = 40_000_000


def golden_inputs(folder: Path, manifest: Manifest) -> list[Pixels]:
    """The golden pictures as the model's inputs, each of shape (1, height, width, 3).

    Raises InvalidModel for a file that is not a picture.
    """
    inputs = []
    for golden in manifest.golden:
        try:
            picture = open_picture((folder / golden.file).read_bytes(), MAX_PIXELS)
            inputs.append(preprocess(picture, manifest))
        except (BrokenPicture, PayloadTooLarge, UnsupportedMedia) as error:
            raise InvalidModel(f"{golden.file}: {error}") from error
    return inputs


def judge(
    answers: NDArray[np.float32], labels: list[str], manifest: Manifest
) -> dict[str, Any]:
    """Compare the most probable labels of `answers`, (pictures, classes), with the expected."""
    results = []
    for golden, answer in zip(manifest.golden, answers, strict=True):
        best = int(answer.argmax())
        results.append({
            "file": golden.file,
            "expected": golden.label,
            "predicted": labels[best],
            "confidence": float(answer[best]),
            "passed": labels[best] == golden.label,
        })
    return {"passed": all(result["passed"] for result in results), "pictures": results}
