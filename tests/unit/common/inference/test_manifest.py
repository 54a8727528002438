"""The manifest of a model, its labels and the digest of its preprocessing."""
from __future__ import annotations

import json
from typing import Any

import pytest

from common.inference.manifest import Manifest, parse_labels
from tests.manifests import document, manifest

DIGEST = "4bfe998aa6d2c71eef7c098b1dff03b7563210dbc5c0fe6f5f60a546ad16658c"


def test_every_part_is_read() -> None:
    """What inference needs of a manifest is found where the format has it."""
    read = manifest()
    assert (read.name, read.version) == ("three-classes", "v1")
    assert (read.signature, read.input_name) == ("serving_default", "pixels")
    assert read.dtype == "float32"
    assert (read.height, read.width) == (224, 224)
    assert (read.resize_mode, read.resize_size, read.resize_filter) == (
        "shorter_side", 256, "bicubic")
    assert (read.mean, read.scale) == ((127, 127, 127), (128, 128, 128))
    assert (read.output_name, read.output_kind) == ("output_0", "probabilities")
    assert (read.labels_file, read.labels_count, read.top_k) == ("labels.txt", 3, 2)
    assert read.files["labels.txt"] == "0" * 64


def test_optional_parts_have_defaults() -> None:
    """Without normalisation pixels stay as they are; without top_k five classes are recorded."""
    short = document(preprocessing={"resize": {"mode": "exact", "filter": "bilinear"}})
    del short["top_k"], short["preprocessing"]["normalization"]
    read = Manifest.from_json(short)
    assert (read.mean, read.scale) == ((0, 0, 0), (1, 1, 1))
    assert (read.resize_mode, read.resize_size, read.top_k) == ("exact", 0, 5)


def test_preprocessing_digest_is_stable() -> None:
    """Stored predictions name this digest: it must be the same in every release and process."""
    assert manifest().preprocessing_digest == DIGEST


def test_preprocessing_digest_ignores_the_order_of_keys() -> None:
    """The same manifest written in another order has the same digest."""
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    reordered = json.loads(json.dumps(turned(document())))
    assert list(reordered) != list(document())
    assert manifest(**reordered).preprocessing_digest == DIGEST


@pytest.mark.parametrize("change", [
    {"name": "other"}, {"version": "v2"}, {"labels": {"count": 4}}, {"top_k": 9},
    {"files": {"labels.txt": "2" * 64}}, {"output": {"kind": "logits"}}], ids=str)
def test_preprocessing_digest_ignores_other_parts(change: dict[str, Any]) -> None:
    """Two models that prepare pictures alike have the same digest."""
    assert manifest(**change).preprocessing_digest == DIGEST


@pytest.mark.parametrize("change", [
    {"input": {"height": 192}}, {"input": {"dtype": "uint8"}},
    {"preprocessing": {"resize": {"mode": "shorter_side", "size": 232, "filter": "bicubic"}}},
    {"preprocessing": {"resize": {"mode": "shorter_side", "size": 256, "filter": "bilinear"}}},
    {"preprocessing": {"normalization": {"mean": [0, 0, 0], "scale": [255, 255, 255]}}}], ids=str)
def test_preprocessing_digest_follows_preprocessing(change: dict[str, Any]) -> None:
    """Whatever changes the tensor of a picture changes the digest."""
    assert manifest(**change).preprocessing_digest != DIGEST


@pytest.mark.parametrize(("text", "labels"), [
    ("cat\ndog\n", ["cat", "dog"]), ("cat\ndog", ["cat", "dog"]),
    ("cat\n\ndog\n", ["cat", "", "dog"]),
    ("crane\ncrane\n", ["crane", "crane"]), (" a b \nü\u2028x\n", [" a b ", "ü\u2028x"]),
])
def test_labels(text: str, labels: list[str]) -> None:
    """One label a line, in order; equal labels, blanks and Unicode stay as they are."""
    assert parse_labels(text) == labels
