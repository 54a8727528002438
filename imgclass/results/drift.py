"""How far the latest answers are from earlier ones."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Period:
    """From `since` on and before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def from_document(cls, document: Document) -> Period:
        return cls(instant(document["from"]), instant(document["to"]))


@dataclass(frozen=True)
class AnswerCounts:
    """How many answers an index is of."""

    window: int
    baseline: int

    @classmethod
    def from_document(cls, document: Document) -> AnswerCounts:
        return cls(int(document["window"]), int(document["baseline"]))


@dataclass(frozen=True)
class ModelDrift:
    """A version's population stability index by feature: below 0.1 stable, above 0.25 much.

    Features are class_mix, confidence and brightness; None with too few answers to tell.
    """

    model_version: str
    psi: Mapping[str, float | None]
    answers: Mapping[str, AnswerCounts]

    @classmethod
    def from_document(cls, document: Document) -> ModelDrift:
        return cls(
            model_version=str(document["model_version"]),
            psi={str(feature): None if index is None else float(index)
                 for feature, index in document["psi"].items()},
            answers={str(feature): AnswerCounts.from_document(counts)
                     for feature, counts in document["answers"].items()},
        )


@dataclass(frozen=True)
class Drift:
    """Answers of a window beside those of a baseline before it, by the version that gave them."""

    window: Period
    baseline: Period
    models: tuple[ModelDrift, ...]

    @classmethod
    def from_document(cls, document: Document) -> Drift:
        return cls(
            window=Period.from_document(document["window"]),
            baseline=Period.from_document(document["baseline"]),
            models=tuple(map(ModelDrift.from_document, document["models"])),
        )
