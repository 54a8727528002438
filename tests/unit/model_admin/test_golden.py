"""Golden pictures: read, and judged."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.errors import InvalidModel
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Manifest
from model_admin.validation.golden import golden_inputs, judge
from tests.manifests import manifest
from tests.pictures import jpeg, png, png_header

LABELS = ["cat", "dog", "espresso"]


def with_golden(**expected: str) -> Manifest:
    """A manifest with golden pictures by name and label."""
    return manifest(golden=[
        {"file": f"golden/{name}", "label": label} for name, label in expected.items()])


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    (tmp_path / "golden").mkdir()
    return tmp_path / "golden"


def test_inputs(golden: Path) -> None:
    """Golden pictures become inputs exactly as the pictures of users do, in order."""
    (golden / "a").write_bytes(jpeg())
    (golden / "b").write_bytes(png())
    chosen = with_golden(b="cat", a="dog")
    first, second = golden_inputs(golden.parent, chosen)
    assert np.array_equal(first, preprocess(open_picture(png(), 1 << 20), chosen))
    assert np.array_equal(second, preprocess(open_picture(jpeg(), 1 << 20), chosen))


def test_no_golden_pictures(tmp_path: Path) -> None:
    """A model without them has nothing to miss."""
    assert golden_inputs(tmp_path, manifest()) == []
    assert judge(np.zeros((0, 3), np.float32), LABELS, manifest()) == {
        "passed": True, "pictures": []}


@pytest.mark.parametrize(("data", "reason"), [
    (b"no picture", "The file is not a JPEG, PNG or WebP picture."),
    (jpeg()[:3000], "The picture's pixels cannot be decoded."),
    (png_header(100_000, 100_000), "The picture has 100000 x 100000 pixels; "),
], ids=["text", "truncated", "bomb"])
def test_no_picture(golden: Path, data: bytes, reason: str) -> None:
    """A golden file that cannot be classified is named, with what is wrong with it."""
    (golden / "a").write_bytes(data)
    with pytest.raises(InvalidModel) as caught:
        golden_inputs(golden.parent, with_golden(a="cat"))
    assert str(caught.value).startswith(f"golden/a: {reason}")


def test_judged() -> None:
    """Each picture's most probable label is compared with the expected one."""
    answers = np.array([[0.5, 0.25, 0.25], [0.25, 0.125, 0.625]], np.float32)
    assert judge(answers, LABELS, with_golden(a="cat", b="espresso"))["passed"] is True
    verdict = judge(answers, LABELS, with_golden(a="cat", b="dog"))
    assert verdict == {"passed": False, "pictures": [
        {"file": "golden/a", "expected": "cat", "predicted": "cat", "confidence": 0.5,
         "passed": True},
        {"file": "golden/b", "expected": "dog", "predicted": "espresso", "confidence": 0.625,
         "passed": False}]}


def test_labels_that_repeat() -> None:
    """Any class with the expected label will do."""
    answers = np.array([[0.125, 0.25, 0.625]], np.float32)
    assert judge(answers, ["crane", "dog", "crane"], with_golden(a="crane"))["passed"] is True


def test_as_many_answers_as_pictures() -> None:
    """Answers that do not belong to the pictures are an error of ours, not a verdict."""
    with pytest.raises(ValueError):
        judge(np.zeros((2, 3), np.float32), LABELS, with_golden(a="cat"))
