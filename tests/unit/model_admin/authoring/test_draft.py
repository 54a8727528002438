"""The first manifest of a model."""
from __future__ import annotations

import json
from typing import Any

import pytest

from common.inference.manifest import Manifest
from model_admin.authoring.draft import (
    Subject, draft_manifest, model_name, placeholder_labels)
from model_admin.registry.manifest import check_manifest

LABELS = ["cat", "dog", "espresso"]
FILES = {"labels.txt": "0" * 64, "saved_model/saved_model.pb": "1" * 64}


def subject(**changes: Any) -> Subject:
    known = {
        "name": "cats", "signature": "serve", "input_name": "pixels", "dtype": "float32",
        "height": 96, "width": 128, "size_is_a_guess": False, "output_name": "scores",
        "output_kind": "logits", "output_doubt": "", "classes": 3}
    return Subject(**{**known, **changes})


def accepted(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what packing adds; it must fit the schema."""
    return check_manifest(json.dumps({**document, "version": "v1", "files": FILES}).encode())


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_draft_is_accepted(dtype: str) -> None:
    """The registry takes a draft with its comments, once version and files are filled in."""
    manifest = Manifest.from_json(accepted(draft_manifest(subject(dtype=dtype), LABELS)))
    assert (manifest.name, manifest.signature, manifest.input_name) == ("cats", "serve", "pixels")
    assert (manifest.dtype, manifest.height, manifest.width) == (dtype, 96, 128)
    assert (manifest.output_name, manifest.output_kind) == ("scores", "logits")
    assert (manifest.labels_count, manifest.top_k) == (3, 3)


def test_packing_fills_in_the_rest() -> None:
    """Version and digests are not the author's to write."""
    assert not {"version", "files"} & set(draft_manifest(subject(), LABELS))


def test_what_a_model_does_not_tell() -> None:
    """Licence, source, resizing and normalization always have a comment, other parts none."""
    draft = draft_manifest(subject(), LABELS)
    preprocessing = draft["preprocessing"]
    assert "license" in draft["$comment"] and "source" in draft["$comment"]
    assert "shorter_side" in preprocessing["resize"]["$comment"]
    for choice in ("(x-127.5)/127.5", "raw 0..255", "/255", "Keras Applications"):
        assert choice in preprocessing["normalization"]["$comment"]
    assert not any("$comment" in draft[part] for part in ("input", "output", "labels"))


def test_guessed_size() -> None:
    """A size that is a guess has a comment."""
    draft = draft_manifest(subject(size_is_a_guess=True), LABELS)
    assert "any size" in draft["input"]["$comment"]


def test_bytes_need_no_normalization() -> None:
    """A model that takes bytes gets them as they are."""
    assert set(draft_manifest(subject(dtype="uint8"), LABELS)["preprocessing"]) == {"resize"}


def test_doubt_about_the_output() -> None:
    """What is odd about the output becomes its comment."""
    draft = draft_manifest(subject(output_doubt="Is it?"), LABELS)
    assert draft["output"] == {"$comment": "Is it?", "name": "scores", "kind": "logits"}


@pytest.mark.parametrize(("labels", "words"), [
    (None, "labels.txt holds placeholders"),
    (LABELS[:2], "labels.txt has 2 lines, but the model answers 3 classes."),
])
def test_labels_to_be_written(labels: list[str] | None, words: str) -> None:
    """Labels that are missing, or too few, have a comment."""
    assert draft_manifest(subject(), labels)["labels"]["$comment"].startswith(words)


def test_comments_fit_the_schema() -> None:
    """A comment may be anywhere but where a key is a file's name."""
    draft = draft_manifest(subject(), LABELS)
    draft["preprocessing"]["resize"] = {"mode": "shorter_side", "size": 128, "filter": "nearest"}
    draft["preprocessing"]["crop"] = {"mode": "center"}
    for part in (draft, draft["input"], draft["output"], draft["labels"], draft["preprocessing"],
                 *draft["preprocessing"].values()):
        part["$comment"] = "Check this."
    assert accepted(draft)["preprocessing"]["crop"]["$comment"] == "Check this."


def test_placeholders() -> None:
    """Placeholders number the classes as the model does."""
    assert placeholder_labels(3) == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize(("text", "name"), [
    ("cats", "cats"), ("Cats & dogs (new)", "Cats-dogs-new"), ("../.hidden", "hidden"),
    ("x" * 150, "x" * 100), ("名前", "model"), ("", "model")])
def test_model_name(text: str, name: str) -> None:
    """Any folder's name becomes one that the manifest may have."""
    assert model_name(text) == name
    assert accepted(draft_manifest(subject(name=name), LABELS))
