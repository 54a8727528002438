"""Manifests of made-up models."""
from __future__ import annotations

from typing import Any

from common.inference.manifest import Manifest


def document(**changes: Any) -> dict[str, Any]:
    """A manifest.json like the default model's, with three classes; `changes` by section."""
    complete: dict[str, Any] = {
        "schema_version": 1, "name": "three-classes", "version": "v1", "license": "MIT",
        "input": {"signature": "serving_default", "name": "pixels", "dtype": "float32",
                  "height": 224, "width": 224, "color_mode": "RGB"},
        "output": {"name": "output_0", "kind": "probabilities"},
        "preprocessing": {
            "resize": {"mode": "shorter_side", "size": 256, "filter": "bicubic"},
            "crop": {"mode": "center"},
            "normalization": {"mean": [127, 127, 127], "scale": [128, 128, 128]}},
        "labels": {"file": "labels.txt", "count": 3},
        "top_k": 2, "engine": "auto",
        "files": {"labels.txt": "0" * 64, "saved_model/saved_model.pb": "1" * 64},
    }
    for section, change in changes.items():
        old = complete.get(section)
        complete[section] = {**old, **change} if isinstance(old, dict) else change
    return complete


def manifest(**changes: Any) -> Manifest:
    """The same, read."""
    return Manifest.from_json(document(**changes))


def preprocessing(mode: str, size: int | None = None, **more: Any) -> dict[str, Any]:
    """A section `preprocessing` that resizes in this way."""
    resize = {"mode": mode, "filter": "bicubic", **({} if size is None else {"size": size})}
    return {"resize": resize, **more}
