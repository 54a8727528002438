"""Which output of a model are the classes, and whether they are probabilities."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from common.errors import InvalidModel
from model_admin.authoring.probing import choose_output, probe
from model_admin.authoring.signature import Signature
from tests.models import SIZE


def rows(*answers: list[float], dtype: Any = np.float32) -> Any:
    return np.array(answers, dtype)


PROBABILITIES = rows([0.25, 0.75], [1, 0])
LOGITS = rows([-3, 8.5], [2, 1])


@pytest.mark.parametrize(("answers", "kind"), [
    (PROBABILITIES, "probabilities"),
    (LOGITS, "logits"),
    (rows([0.5, 0.5], [3, -1]), "logits"),
    (rows([-0.5, 1.5], [-0.5, 1.5]), "logits"),
    (rows([-0.25, 0.25, 1]), "logits"),
    (rows([np.nan, np.nan], [0.25, 0.75]), "probabilities"),
    (rows([np.inf, 0], [0.25, 7]), "logits"),
])
def test_kind(answers: Any, kind: str) -> None:
    """Probabilities are never negative and add up to 1, whenever they are finite at all."""
    found = choose_output({"scores": answers}, None)
    assert (found.name, found.kind, found.doubt) == ("scores", kind, "")
    assert found.classes == answers.shape[1]


def test_sigmoid() -> None:
    """Numbers in 0..1 that do not add up to 1 may be a sigmoid's, and are doubted."""
    found = choose_output({"scores": rows([0.9, 0.8], [0.1, 0.2])}, None)
    assert found.kind == "logits"
    assert "sigmoid" in found.doubt


@pytest.mark.parametrize(("answers", "labels", "name"), [
    ({"features": rows([1, 2, 3]), "scores": LOGITS}, None, "scores"),
    ({"features": rows([1]), "scores": LOGITS}, None, "scores"),
    ({"scores": rows([0.2, 0.3, 0.5]), "features": LOGITS}, None, "scores"),
    ({"scores": LOGITS, "other": PROBABILITIES}, None, "other"),
    ({"features": LOGITS, "scores": rows([1, 2, 3])}, ["a", "b", "c"], "scores"),
])
def test_several_outputs(answers: dict[str, Any], labels: list[str] | None, name: str) -> None:
    """Of several outputs the one is taken that fits the labels, or looks like classes."""
    found = choose_output(answers, labels)
    assert found.name == name
    assert found.doubt.startswith("The signature gives ")
    assert f"{name} looks like the classes" in found.doubt


@pytest.mark.parametrize(("answers", "words"), [
    ({"scores": rows([0.5], [0.7])}, r"scores \(n, 1\) float32"),
    ({"scores": rows([0.5, 0.5], dtype=np.float16)}, r"scores \(n, 2\) float16"),
    ({"boxes": np.zeros((1, 2, 4), np.float32)}, r"boxes \(n, 2, 4\) float32"),
    ({}, "there is none"),
])
def test_no_classes(answers: dict[str, Any], words: str) -> None:
    """Without a float32 number for each class the outputs there are are named."""
    with pytest.raises(InvalidModel, match=f"a float32 number for each class: .*{words}"):
        choose_output(answers, None)


def test_nothing_finite() -> None:
    """A model that answers NaN however its picture is scaled is told at once."""
    with pytest.raises(InvalidModel, match="'scores' is NaN or infinity for every picture"):
        choose_output({"scores": rows([np.nan, 0], [np.inf, 1])}, None)


def signature(function: Any, dtype: str) -> Signature:
    call = tf.function(lambda pixels: {"mean": tf.reduce_mean(pixels, axis=[1, 2]), "size": 1})
    return Signature("serve", "pixels", dtype, None, None, function or call, None)


@pytest.mark.parametrize(("dtype", "pictures", "lowest", "highest"), [
    ("float32", 15, -1, 255), ("uint8", 5, 0, 255)])
def test_probes(dtype: str, pictures: int, lowest: float, highest: float) -> None:
    """Floats are tried in every usual scaling, bytes as they are; scalars are left out."""
    answers = probe(signature(None, dtype), SIZE, SIZE)
    assert set(answers) == {"mean"}
    assert answers["mean"].shape == (pictures, 3)
    assert (answers["mean"].min(), answers["mean"].max()) == (lowest, highest)


def test_model_refuses_the_size() -> None:
    """A size that the model cannot take is told with its shape."""
    def fail(pixels: Any) -> Any:
        raise ValueError("too small\nand a call stack")

    with pytest.raises(InvalidModel) as caught:
        probe(signature(fail, "float32"), SIZE, 2 * SIZE)
    assert str(caught.value) == (
        "The model does not take a picture of shape (1, 8, 16, 3): too small")
