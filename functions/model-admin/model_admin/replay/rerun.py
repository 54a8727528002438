"""Running a model on a recorded prediction's picture once more."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.inference.batching import MAX_PICTURES
from common.inference.engine import Engine, Pixels
from common.inference.imaging import open_picture
from common.inference.model import Model
from model_admin.replay.repository import Answer


@dataclass(frozen=True)
class Rerun:
    """What came out, and how far its confidences are from the recorded ones at most."""

    answer: Answer
    max_abs_difference: float


class InBatch:
    """An Engine that gives one picture's output in the company of copies of it."""

    def __init__(self, engine: Engine, size: int) -> None:
        self.name = engine.name
        self._engine = engine
        self._size = size

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        """See Engine.predict; for one picture."""
        return self._engine.predict(np.concatenate([pixels] * self._size), deadline)[:1]


def rerun(model: Model, data: bytes, recorded: Answer, max_pixels: int) -> Rerun:
    """Answer the picture `data` with as many classes as were recorded.

    TensorFlow's last bits depend on how many pictures a batch has, not on which they are or
    where it stands among them; how many there were is not recorded. So where one picture alone
    does not give the recorded answer, the other sizes of batches are tried.

    Raises BrokenPicture, PayloadTooLarge or UnsupportedMedia.
    """
    pixels = model.preprocess(open_picture(data, max_pixels))
    alone = _run(model, pixels, recorded)
    if alone.answer == recorded or model.engine.name != "tensorflow":
        return alone
    for size in range(2, MAX_PICTURES + 1):
        try:
            again = _run(replace(model, engine=InBatch(model.engine, size)), pixels, recorded)
        except Exception:  # whatever TensorFlow raises for a model that takes no batches
            break
        if again.answer == recorded:
            return again
    return alone


def _run(model: Model, pixels: Pixels, recorded: Answer) -> Rerun:
    scores = model.classify(pixels, len(model.labels))
    best = scores[:len(recorded.top_k)]
    confidences = {score.index: score.confidence for score in scores}
    answer = replace(
        recorded,
        predicted_class=best[0].label,
        confidence_score=best[0].confidence,
        top_k=[score.as_json() for score in best],
        **model.lineage())
    said = [(one["index"], one["confidence"]) for one in recorded.top_k]
    said.append((said[0][0], recorded.confidence_score))
    return Rerun(answer, max(
        abs(confidence - confidences.get(index, 0.0)) for index, confidence in said))
