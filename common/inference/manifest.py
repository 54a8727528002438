"""What a model says of itself: the manifest stored beside it."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The folder of an archive with the pictures that an int8 twin is calibrated with.
CALIBRATION = "calibration"
# Of an int8 twin with the float32 one, where the manifest asks for no other.
MIN_TOP_1_AGREEMENT = 0.98


@dataclass(frozen=True)
class Golden:
    """A picture of the archive and the label that a model must give it to be activated."""

    file: str
    label: str


@dataclass(frozen=True)
class Quantization:
    """What kind of smaller twin is wanted, and when it is good enough.

    It must give at least this share of pictures, 0..1, the class that the float32 twin gives.
    """

    mode: str
    min_top_1_agreement: float


@dataclass(frozen=True)
class Manifest:
    """The part of manifest.json that inference needs.

    `mean` and `scale` have one value per channel: a pixel in 0..255 becomes (pixel - mean) /
    scale. `resize_mode` "shorter_side" scales the shorter side to `resize_size` and crops the
    center to `height` x `width`; "exact" stretches the picture to `height` x `width`.
    """

    name: str
    version: str
    signature: str
    input_name: str
    dtype: str
    height: int
    width: int
    resize_mode: str
    resize_size: int
    resize_filter: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    output_name: str
    output_kind: str
    labels_file: str
    labels_count: int
    top_k: int
    engine: str
    golden: tuple[Golden, ...]
    quantize: Quantization | None
    files: Mapping[str, str]
    preprocessing_digest: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Read a document that the manifest's JSON Schema has accepted."""
        source, output = document["input"], document["output"]
        preprocessing = document["preprocessing"]
        resize, normalization = preprocessing["resize"], preprocessing.get("normalization", {})
        return cls(
            name=document["name"],
            version=document["version"],
            signature=source["signature"],
            input_name=source["name"],
            dtype=source["dtype"],
            height=source["height"],
            width=source["width"],
            resize_mode=resize["mode"],
            resize_size=resize.get("size", 0),
            resize_filter=resize["filter"],
            mean=tuple(normalization.get("mean", (0, 0, 0))),
            scale=tuple(normalization.get("scale", (1, 1, 1))),
            output_name=output["name"],
            output_kind=output["kind"],
            labels_file=document["labels"]["file"],
            labels_count=document["labels"]["count"],
            top_k=document.get("top_k", 5),
            engine=document.get("engine", "auto"),
            golden=tuple(
                Golden(golden["file"], golden["label"]) for golden in document.get("golden", [])),
            quantize=_quantization(document.get("quantize")),
            files=dict(document["files"]),
            preprocessing_digest=_digest(_without_comments([source, preprocessing])),
        )

    @property
    def brings_calibration(self) -> bool:
        """Are there pictures in the archive to calibrate an int8 twin with?"""
        return any(name.startswith(f"{CALIBRATION}/") for name in self.files)


def parse_labels(text: str) -> list[str]:
    """The labels of labels.txt, one a line; the line number, from 0, is the class index."""
    return text.removesuffix("\n").split("\n")


def _quantization(document: Mapping[str, Any] | None) -> Quantization | None:
    if document is None:
        return None
    return Quantization(
        document["mode"], document.get("min_top_1_agreement", MIN_TOP_1_AGREEMENT))


def _without_comments(document: Any) -> Any:
    if isinstance(document, list):
        return [_without_comments(item) for item in document]
    if isinstance(document, dict):
        return {name: _without_comments(value)
                for name, value in document.items() if name != "$comment"}
    return document


def _digest(document: Any) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
