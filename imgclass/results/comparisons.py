"""Comparisons: what two model versions answered, to the same pictures and by themselves."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.figures import Figures
from imgclass.results.values import Document, optional_instant


@dataclass(frozen=True)
class ClassChange:
    """How many pictures have the class `old` by the old version and `new` by the new one."""

    old: str
    new: str
    pictures: int

    @classmethod
    def from_document(cls, document: Document) -> ClassChange:
        return cls(str(document["old"]), str(document["new"]), int(document["pictures"]))


@dataclass(frozen=True)
class Distribution(Figures):
    """The answers of a version; `by_kind` counts live, shadow and backfill ones."""

    version: str
    answers: int
    by_kind: Mapping[str, int]

    @classmethod
    def from_document(cls, document: Document) -> Distribution:
        return cls(
            **vars(Figures.from_document(document)),
            version=str(document["version"]),
            answers=int(document["answers"]),
            by_kind=dict(document["by_kind"]),
        )


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side.

    `pictures` counts those both have answered, `agreed` those with the same class by both;
    `agreement_rate` is None without any. `class_changes` are the most frequent ones.
    """

    basis: str
    since: datetime | None
    until: datetime | None
    pictures: int
    agreed: int
    agreement_rate: float | None
    class_changes: tuple[ClassChange, ...]
    old: Distribution
    new: Distribution

    @classmethod
    def from_document(cls, document: Document) -> Comparison:
        old, new = map(Distribution.from_document, document["distributions"])
        return cls(
            basis=str(document["basis"]),
            since=optional_instant(document["from"]),
            until=optional_instant(document["to"]),
            pictures=int(document["pictures"]),
            agreed=int(document["agreed"]),
            agreement_rate=document["agreement_rate"],
            class_changes=tuple(map(ClassChange.from_document, document["class_changes"])),
            old=old,
            new=new,
        )
