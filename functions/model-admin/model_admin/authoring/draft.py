"""The first manifest of a model, with a comment at everything the model does not tell."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# What most image classifiers take, where a model takes any size.
USUAL_SIZE = 224
USUAL_TOP_K = 5
UNKNOWN = "unknown"

_ABOUT = (
    "Fill in description, source and license. Every $comment of this draft names something that "
    "the model itself does not tell: check it, then delete the comment.")
_SIZE = (
    "The model takes pictures of any size; this one is a guess. Write the size it was trained "
    "with.")
_RESIZE = (
    "A guess: a model does not tell how its pictures were resized in training. \"exact\" "
    "stretches them to the input; \"shorter_side\" with a \"size\" (256 for an input of 224, "
    "say) keeps the proportions and crops the center. The filter is nearest, bilinear, bicubic "
    "or lanczos.")
_NORMALIZATION = (
    "A guess: (pixel - mean) / scale per channel, with pixels in 0..255. A SavedModel does not "
    "tell which one it needs, not even that of a Keras Applications network. The usual choices: "
    "(x-127.5)/127.5, mean 127.5 and scale 127.5 (MobileNet, MobileNetV2, InceptionV3, Xception, "
    "NASNet, ResNetV2); raw 0..255, mean 0 and scale 1 (EfficientNet, MobileNetV3, ConvNeXt, "
    "and models with a Rescaling layer of their own); /255, mean 0 and scale 255; ImageNet "
    "statistics, mean [123.675, 116.28, 103.53] and scale [58.395, 57.12, 57.375] (DenseNet, "
    "models from PyTorch). A model that takes BGR (VGG and ResNet of Keras Applications) needs "
    "its preprocess_input built in before the export.")
_PLACEHOLDERS = (
    "labels.txt holds placeholders: replace them by the names of the classes, one a line, in "
    "the order of the model's outputs.")


@dataclass(frozen=True)
class Subject:
    """What is known of a model; `size_is_a_guess` if it takes pictures of any size."""

    name: str
    signature: str
    input_name: str
    dtype: str
    height: int
    width: int
    size_is_a_guess: bool
    output_name: str
    output_kind: str
    output_doubt: str
    classes: int


def draft_manifest(subject: Subject, labels: list[str] | None) -> dict[str, Any]:
    """A manifest without `version` and `files`, which packing fills in.

    `labels` are the author's own, None as long as there are none.
    """
    return {
        "$comment": _ABOUT,
        "schema_version": 1,
        "name": subject.name,
        "description": "",
        "source": UNKNOWN,
        "license": UNKNOWN,
        "input": {
            **_comment(_SIZE if subject.size_is_a_guess else ""),
            "signature": subject.signature, "name": subject.input_name, "dtype": subject.dtype,
            "height": subject.height, "width": subject.width, "color_mode": "RGB"},
        "output": {
            **_comment(subject.output_doubt),
            "name": subject.output_name, "kind": subject.output_kind},
        "preprocessing": _preprocessing(subject.dtype),
        "labels": {
            **_comment(_label_comment(labels, subject.classes)),
            "file": "labels.txt", "count": subject.classes},
        "top_k": min(USUAL_TOP_K, subject.classes),
        "engine": "auto",
    }


def placeholder_labels(classes: int) -> list[str]:
    """Labels for classes whose names are not known yet."""
    return [f"class {index}" for index in range(classes)]


def model_name(text: str) -> str:
    """A name the manifest may have, after `text`, a folder's name say."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:100] or "model"


def _preprocessing(dtype: str) -> dict[str, Any]:
    resize = {"$comment": _RESIZE, "mode": "exact", "filter": "bilinear"}
    if dtype == "uint8":
        return {"resize": resize}  # bytes are taken as they are
    return {"resize": resize, "normalization": {
        "$comment": _NORMALIZATION, "mean": [127.5] * 3, "scale": [127.5] * 3}}


def _label_comment(labels: list[str] | None, classes: int) -> str:
    if labels is None:
        return _PLACEHOLDERS
    if len(labels) != classes:
        return f"labels.txt has {len(labels)} lines, but the model answers {classes} classes."
    return ""


def _comment(text: str) -> dict[str, str]:
    return {"$comment": text} if text else {}
