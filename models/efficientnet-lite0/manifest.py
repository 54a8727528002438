"""The manifest: what the model is, how to prepare a picture for it, and each file's digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from digests import file_sha256
from signature import CLASSES, INPUT, OUTPUT, SIGNATURE, SIZE

NAME = "efficientnet-lite0"
VERSION = "v1"
FILE = "manifest.json"
LABELS = "labels.txt"
SAVED_MODEL = "saved_model"


def describe(inputs: Iterable[object]) -> dict[str, Any]:
    """Return the manifest of a model built from the named inputs, without the files' digests."""
    return {
        "schema_version": 1,
        "name": NAME,
        "version": VERSION,
        "description": "EfficientNet-Lite0, trained on the 1000 classes of ImageNet-1k",
        "source": "built from " + ", ".join(str(item) for item in inputs),
        "license": "Apache-2.0",
        "input": {"signature": SIGNATURE, "name": INPUT, "dtype": "float32",
                  "height": SIZE, "width": SIZE, "color_mode": "RGB"},
        "output": {"name": OUTPUT, "kind": "probabilities"},
        # Mean and scale: MEAN_RGB and STDDEV_RGB of the Lite models (tensorflow/tpu, efficientnet
        # lite). Resize: 224 / 0.875, the crop fraction ImageNet models of this size are tested at.
        "preprocessing": {
            "resize": {"mode": "shorter_side", "size": 256, "filter": "bicubic"},
            "crop": {"mode": "center"},
            "normalization": {"mean": [127, 127, 127], "scale": [128, 128, 128]},
        },
        "labels": {"file": LABELS, "count": CLASSES},
        "top_k": 5,
        "engine": "auto",
    }


def write(folder: Path, description: dict[str, Any]) -> None:
    """Write manifest.json into a folder, listing the digest of every other file in it."""
    paths = sorted(path for path in folder.rglob("*")
                   if path.is_file() and path != folder / FILE)
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}
    text = json.dumps({**description, "files": files}, indent=2, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 that the folder's manifest gives for each file, by path."""
    listed: dict[str, str] = json.loads((folder / FILE).read_text(encoding="utf-8"))["files"]
    return listed


def is_complete(folder: Path, description: dict[str, Any]) -> bool:
    """Say whether a folder holds this very model: same description, every file as listed."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        listed = found.pop("files")
        return found == description and all(
            file_sha256(folder / name) == digest for name, digest in listed.items())
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, AttributeError):
        return False
