"""A validation's report in words."""
from __future__ import annotations

from typing import Any

import pytest

from imgclass.cli.verdict import report_rows, to_do, to_do_rows
from tests.manifests import document

TWIN = {
    "accepted": True, "size_bytes": 1_620_000, "latency_ms": 0.17, "probes": 8,
    "top_1_agreement": 1.0, "tolerance": 1e-4, "max_abs_difference": 2.38e-7}
REPORT = {
    "ops": ["Const", "Softmax"],
    "signature": {
        "input": {"name": "pixels", "shape": [None, 224, 224, 3], "dtype": "float32"},
        "output": {"name": "output_0", "shape": None, "dtype": "float32"}},
    "tensorflow": {"latency_ms": 4.1, "size_bytes": 5_100_000},
    "twin": TWIN,
    "golden": {"passed": True, "pictures": []}}


def rows(**changes: Any) -> dict[str, str]:
    return dict(report_rows({**REPORT, **changes}, document()))


def test_accepted() -> None:
    """Signature, operations, both engines' cost, and how closely the twin agrees."""
    assert rows() == {
        "signature": "serving_default: pixels float32 (any, 224, 224, 3) -> "
                     "output_0 float32 (any shape), probabilities",
        "operations": "2 kinds, all allowed",
        "TensorFlow": "4.1 ms a picture, 5.1 MB",
        "twin": "accepted: max |Δp| 2.4e-07, at most 0.0001 is allowed; "
                "same top-1 for 100% of 8 pictures",
        "LiteRT": "0.17 ms a picture, 1.6 MB"}


def test_size_is_not_told() -> None:
    """The service measures no size of the SavedModel."""
    assert rows(tensorflow={"latency_ms": 4})["TensorFlow"] == "4 ms a picture"


def test_twin_answers_otherwise() -> None:
    """A refused twin is told with its reason and figures, and with who answers instead."""
    twin = {**TWIN, "accepted": False, "reason": "It differs.", "top_1_agreement": 0.5,
            "max_abs_difference": 0.25}
    assert rows(twin=twin)["twin"] == (
        "refused, TensorFlow answers: It differs. (max |Δp| 2.5e-01, at most 0.0001 is allowed; "
        "same top-1 for 50% of 8 pictures)")


def test_twin_answers_nan() -> None:
    """A twin that answers NaN has no largest difference."""
    twin = {**TWIN, "accepted": False, "reason": "It answers NaN or infinity."}
    del twin["max_abs_difference"]
    assert rows(twin=twin)["twin"] == (
        "refused, TensorFlow answers: It answers NaN or infinity. "
        "(same top-1 for 100% of 8 pictures)")


def test_no_twin() -> None:
    """A model that does not compile has no figures of a twin."""
    found = rows(twin={"accepted": False, "reason": "It does not compile: x"})
    assert found["twin"] == "refused, TensorFlow answers: It does not compile: x"
    assert "LiteRT" not in found


INT8 = {
    "accepted": True, "top_1_agreement": 0.9875, "min_top_1_agreement": 0.98, "latency_ms": 2.5,
    "float32_latency_ms": 3.25, "size_bytes": 500_000}


def test_int8_twin() -> None:
    """A quantized twin is told with its agreement and what it gains, refused or not."""
    figures = ("same top-1 for 98.8%, at least 98.0% is wanted; 2.5 ms a picture, 0.5 MB, the "
               "float32 twin 3.25 ms")
    assert rows(quantize=INT8)["int8 twin"] == f"accepted: {figures}"
    assert rows(quantize={**INT8, "accepted": False, "reason": "It is slow."})["int8 twin"] == (
        f"refused: It is slow. ({figures})")
    assert rows(quantize={"accepted": False, "reason": "It does not compile."})["int8 twin"] == (
        "refused: It does not compile.")


def test_golden_pictures() -> None:
    """Each golden picture that is missed is named, and that the model cannot be activated."""
    hit = {"file": "golden/a.jpg", "expected": "cat", "predicted": "cat", "confidence": 0.9,
           "passed": True}
    miss = {"file": "golden/b.jpg", "expected": "cat", "predicted": "dog", "confidence": 0.6125,
            "passed": False}
    assert rows(golden={"passed": True, "pictures": [hit]})["golden"] == (
        "1 of 1 pictures as expected")
    found = rows(golden={"passed": False, "pictures": [hit, miss]})
    assert found["golden"] == "1 of 2 pictures as expected; it cannot be activated"
    assert found["golden/b.jpg"] == "expected cat, got dog (0.613)"
    assert "golden/a.jpg" not in found


@pytest.mark.parametrize("report", [{}, {"reason": "It is rejected."}])
def test_nothing_to_tell(report: dict[str, Any]) -> None:
    """A report without facts has no rows."""
    assert list(report_rows(report, {})) == []


def test_to_do() -> None:
    """Each comment is told with its place; a table has its first sentence."""
    manifest = document(
        **{"$comment": "Fill in license. And more."},
        input={"$comment": "A guess: 8.5 or 9"}, golden=[{"$comment": "Which one?"}])
    assert dict(to_do(manifest)) == {
        "$": "Fill in license. And more.", "$.input": "A guess: 8.5 or 9",
        "$.golden[0]": "Which one?"}
    assert dict(to_do_rows(manifest)) == {
        "to do $": "Fill in license.", "to do $.input": "A guess: 8.5 or 9",
        "to do $.golden[0]": "Which one?"}
    assert list(to_do(document())) == list(to_do(None)) == []
