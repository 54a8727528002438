"""Replays: a recorded answer beside one that was made of the same picture again."""
from __future__ import annotations

import uuid
from dataclasses import dataclass

from imgclass.results.predictions import RankedClass
from imgclass.results.values import Document


@dataclass(frozen=True)
class Answer:
    """What was said of a picture, and what made it; digests are SHA-256 in hexadecimal.

    `twin_digest` is None if TensorFlow answered.
    """

    predicted_class: str
    confidence_score: float
    top_k: tuple[RankedClass, ...]
    image_sha256: str
    model_version: str
    engine: str
    model_digest: str
    twin_digest: str | None
    preprocessing_digest: str

    @classmethod
    def from_document(cls, document: Document) -> Answer:
        return cls(
            predicted_class=str(document["predicted_class"]),
            confidence_score=float(document["confidence_score"]),
            top_k=tuple(map(RankedClass.from_document, document["top_k"])),
            image_sha256=str(document["image_sha256"]),
            model_version=str(document["model_version"]),
            engine=str(document["engine"]),
            model_digest=str(document["model_digest"]),
            twin_digest=document["twin_digest"],
            preprocessing_digest=str(document["preprocessing_digest"]),
        )


@dataclass(frozen=True)
class Replay:
    """A prediction answered again with its own model and engine.

    `same` is true if the stored picture and model are what was recorded, and the answers are
    equal bit for bit; else `findings` say what is not as it was. `replayed` and
    `max_abs_difference`, that of the recorded classes' confidences, are None if there was
    nothing to run.
    """

    prediction_id: uuid.UUID
    same: bool
    picture_intact: bool
    model_intact: bool
    recorded: Answer
    replayed: Answer | None
    max_abs_difference: float | None
    findings: tuple[str, ...]

    @classmethod
    def from_document(cls, document: Document) -> Replay:
        replayed, difference = document["replayed"], document["max_abs_difference"]
        return cls(
            prediction_id=uuid.UUID(document["prediction_id"]),
            same=bool(document["same"]),
            picture_intact=bool(document["picture_intact"]),
            model_intact=bool(document["model_intact"]),
            recorded=Answer.from_document(document["recorded"]),
            replayed=None if replayed is None else Answer.from_document(replayed),
            max_abs_difference=None if difference is None else float(difference),
            findings=tuple(map(str, document["findings"])),
        )
