"""A model's output as probabilities, and the best of them."""
from __future__ import annotations

import numpy as np
import pytest

from common.inference.engine import Score, best_scores, probabilities
from tests.manifests import manifest

LABELS = ["a", "b", "c", "d"]


def test_probabilities_stay() -> None:
    """A model that answers probabilities is taken at its word."""
    output = np.array([[0.1, 0.7, 0.2]], np.float32)
    assert np.array_equal(probabilities(output, manifest()), output)


def test_logits_become_probabilities() -> None:
    """Logits go through softmax, picture by picture."""
    output = np.array([[0, 1, 2], [5, 5, 5]], np.float32)
    scores = probabilities(output, manifest(output={"kind": "logits"}))
    assert scores.dtype == np.float32
    assert scores[0] == pytest.approx([0.09003057, 0.24472847, 0.66524096], abs=1e-6)
    assert scores[1] == pytest.approx([1 / 3] * 3, abs=1e-6)


@pytest.mark.parametrize("shift", [-1e4, 0, 80, 1e4, 1e30])
def test_large_logits_do_not_overflow(shift: float) -> None:
    """Whatever the logits' size, the probabilities are finite and add up to one."""
    output = np.array([[shift, shift + 1, shift - 500]], np.float32)
    scores = probabilities(output, manifest(output={"kind": "logits"}))
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1, abs=1e-6)


def test_rounded_beyond_one() -> None:
    """A probability is never above 1."""
    (score,) = best_scores(np.array([np.nextafter(1, 2, dtype=np.float32)]), ["a"], 1)
    assert score.confidence == 1.0


def test_best_scores_come_first() -> None:
    """The classes are named with index, label and probability, the best first."""
    scores = best_scores(np.array([0.125, 0.5, 0.25, 0.125], np.float32), LABELS, 3)
    assert scores == [Score(1, "b", 0.5), Score(2, "c", 0.25), Score(0, "a", 0.125)]


def test_equal_scores_come_by_index() -> None:
    """Ties are decided the same way every time."""
    scores = best_scores(np.full(4, 0.25, np.float32), LABELS, 4)
    assert [score.index for score in scores] == [0, 1, 2, 3]
    scores = best_scores(np.array([0.1, 0.4, 0.1, 0.4], np.float32), LABELS, 4)
    assert [score.index for score in scores] == [1, 3, 0, 2]
    many = np.random.default_rng(1).integers(0, 3, 1000).astype(np.float32)
    order = [score.index for score in best_scores(many, [""] * 1000, 1000)]
    assert order == sorted(range(1000), key=lambda index: (-many[index], index))


def test_no_more_scores_than_classes() -> None:
    """Asked for more classes than there are, all of them come."""
    assert len(best_scores(np.zeros(4, np.float32), LABELS, 100)) == 4


def test_equal_labels_stay_apart() -> None:
    """A label may occur twice; the index tells the classes apart."""
    scores = best_scores(np.array([0.5, 0.5], np.float32), ["crane", "crane"], 2)
    assert scores == [Score(0, "crane", 0.5), Score(1, "crane", 0.5)]


def test_scores_are_plain_numbers() -> None:
    """Scores go into JSON and SQL: they hold Python's own numbers."""
    (score,) = best_scores(np.array([1], np.float32), ["a"], 1)
    assert (type(score.index), type(score.confidence)) == (int, float)
