"""Feedback: what people say of predictions, and which ones they are best asked about."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Feedback:
    """What somebody says a picture shows: the predicted class confirms, another one corrects."""

    label: str
    comment: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_document(cls, document: Document) -> Feedback:
        return cls(
            label=str(document["label"]),
            comment=document["comment"],
            created_at=instant(document["created_at"]),
            updated_at=instant(document["updated_at"]),
        )


@dataclass(frozen=True)
class UncertainPrediction:
    """A prediction without feedback; `margin` is how far its class is ahead of the next one."""

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    margin: float
    created_at: datetime

    @classmethod
    def from_document(cls, document: Document) -> UncertainPrediction:
        return cls(
            prediction_id=uuid.UUID(document["prediction_id"]),
            image_id=uuid.UUID(document["image_id"]),
            predicted_class=str(document["predicted_class"]),
            confidence_score=float(document["confidence_score"]),
            margin=float(document["margin"]),
            created_at=instant(document["created_at"]),
        )


@dataclass(frozen=True)
class UncertainPage:
    """A page of predictions, the least certain first."""

    predictions: tuple[UncertainPrediction, ...]
    next_cursor: str | None

    @classmethod
    def from_document(cls, document: Document) -> UncertainPage:
        return cls(
            tuple(map(UncertainPrediction.from_document, document["predictions"])),
            document["next_cursor"])
