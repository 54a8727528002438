"""Predictions: the answer to a picture, the history, and how one came about."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.feedback import Feedback
from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class RankedClass:
    """One of a picture's most probable classes; `index` is its line in labels.txt, from 0."""

    index: int
    predicted_class: str
    confidence_score: float

    @classmethod
    def from_document(cls, document: Document) -> RankedClass:
        # The answer to a picture calls it class, its lineage label.
        name = document["class"] if "class" in document else document["label"]
        return cls(
            index=int(document["index"]),
            predicted_class=str(name),
            confidence_score=float(document["confidence"]),
        )


@dataclass(frozen=True)
class Prediction:
    """The answer to one picture. `top_k` is empty unless asked for, most probable class first."""

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: tuple[RankedClass, ...] = ()
    model_version: str | None = None

    @classmethod
    def from_document(
        cls, document: Document, model_version: str | None = None
    ) -> Prediction:
        return cls(
            prediction_id=uuid.UUID(document["prediction_id"]),
            image_id=uuid.UUID(document["image_id"]),
            predicted_class=str(document["predicted_class"]),
            confidence_score=float(document["confidence_score"]),
            prediction_time_ms=int(document["prediction_time_ms"]),
            top_k=_ranking(document.get("top_k", ())),
            model_version=model_version or document.get("model_version"),
        )


@dataclass(frozen=True)
class StoredPrediction:
    """One line of the history."""

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    created_at: datetime

    @classmethod
    def from_document(cls, document: Document) -> StoredPrediction:
        return cls(
            prediction_id=uuid.UUID(document["prediction_id"]),
            image_id=uuid.UUID(document["image_id"]),
            predicted_class=str(document["predicted_class"]),
            confidence_score=float(document["confidence_score"]),
            created_at=instant(document["created_at"]),
        )


@dataclass(frozen=True)
class PredictionPage:
    """A page of the history, newest first; `total` counts every match, not only this page's."""

    predictions: tuple[StoredPrediction, ...]
    total: int
    page: int
    limit: int
    next_cursor: str | None = None

    @property
    def pages(self) -> int:
        """How many pages of this size there are, at least one."""
        return max(1, -(-self.total // self.limit))

    @classmethod
    def from_document(cls, document: Document) -> PredictionPage:
        return cls(
            predictions=tuple(map(StoredPrediction.from_document, document["predictions"])),
            total=int(document["total"]),
            page=int(document["page"]),
            limit=int(document["limit"]),
            next_cursor=document.get("next_cursor"),
        )


@dataclass(frozen=True)
class Lineage:
    """How a prediction came about: the picture, the model and what ran it.

    Digests are SHA-256 in hexadecimal. `model_digest` is that of the registered archive;
    `twin_digest`, that of the compiled model, is None if TensorFlow answered. What was never
    recorded, because the service did not write the row itself, is None as well, and so is
    `feedback` where nobody has said anything.
    """

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    user_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: tuple[RankedClass, ...]
    created_at: datetime
    source: str
    request_id: str | None
    model_version: str
    engine: str | None
    model_digest: str | None
    twin_digest: str | None
    preprocessing_digest: str | None
    image_sha256: str | None
    feedback: Feedback | None = None

    @classmethod
    def from_document(cls, document: Document) -> Lineage:
        feedback = document.get("feedback")
        return cls(
            prediction_id=uuid.UUID(document["prediction_id"]),
            image_id=uuid.UUID(document["image_id"]),
            user_id=uuid.UUID(document["user_id"]),
            predicted_class=str(document["predicted_class"]),
            confidence_score=float(document["confidence_score"]),
            prediction_time_ms=int(document["prediction_time_ms"]),
            top_k=_ranking(document["top_k"]),
            created_at=instant(document["created_at"]),
            source=str(document["source"]),
            request_id=document["request_id"],
            model_version=str(document["model_version"]),
            engine=document["engine"],
            model_digest=document["model_digest"],
            twin_digest=document["twin_digest"],
            preprocessing_digest=document["preprocessing_digest"],
            image_sha256=document["image_sha256"],
            feedback=None if feedback is None else Feedback.from_document(feedback),
        )


def _ranking(documents: Iterable[Document]) -> tuple[RankedClass, ...]:
    return tuple(map(RankedClass.from_document, documents))
