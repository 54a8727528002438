"""What runs a model."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.inference.manifest import Manifest


# A batch of pictures as a model takes them, shape (n, height, width, 3).
Pixels = NDArray[np.float32] | NDArray[np.uint8]


class Engine(Protocol):
    """A loaded model; safe to call from several threads at once."""

    name: str

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        """Outputs of shape (n, classes) for inputs of shape (n, height, width, 3).

        Raises DeadlineExceeded when it would have to wait for its turn beyond the deadline.
        """


@dataclass(frozen=True)
class Score:
    """One class of an answer: its index, its label, its probability in 0..1."""

    index: int
    label: str
    confidence: float

    def as_json(self) -> dict[str, Any]:
        """As it is stored and answered."""
        return {"class": self.label, "index": self.index, "confidence": self.confidence}


def probabilities(output: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """A model's output (n, classes) as probabilities: logits go through softmax."""
    if manifest.output_kind == "probabilities":
        return output
    exponentials = np.exp(output - output.max(axis=-1, keepdims=True))
    scores: NDArray[np.float32] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return scores


def best_scores(scores: NDArray[np.float32], labels: list[str], count: int) -> list[Score]:
    """The `count` most probable classes of one answer, shape (classes,), best first.

    Classes of equal probability come in the order of their index. What a float32 softmax rounds
    beyond 1 is 1.
    """
    order = np.argsort(-scores, kind="stable")[:count]
    return [Score(int(i), labels[i], min(float(scores[i]), 1.0)) for i in order]
