"""Comparisons: what two model versions answered, to the same pictures and by themselves."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, optional_instant


@dataclass(frozen=True)
class Bin:
    """How many values are at least `low` and below `high`; None is without limit."""

    low: float
    high: float | None
    count: int

    @classmethod
    def from_document(cls, document: Document) -> Bin:
        high = document["to"]
        return cls(
            low=float(document["from"]),
            high=None if high is None else float(high),
            count=int(document["count"]),
        )


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
class Distribution:
    """How sure and how fast a version is; latencies in milliseconds, None without answers.

    `by_kind` counts live, shadow and backfill answers. A confidence of 1 is in the last bin.
    """

    version: str
    answers: int
    by_kind: Mapping[str, int]
    mean_confidence: float | None
    confidences: tuple[Bin, ...]
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    latencies_ms: tuple[Bin, ...]

    @classmethod
    def from_document(cls, document: Document) -> Distribution:
        confidence, latency = document["confidence"], document["latency_ms"]
        return cls(
            version=str(document["version"]),
            answers=int(document["answers"]),
            by_kind=dict(document["by_kind"]),
            mean_confidence=confidence["mean"],
            confidences=tuple(map(Bin.from_document, confidence["histogram"])),
            p50_ms=latency["p50"],
            p95_ms=latency["p95"],
            p99_ms=latency["p99"],
            latencies_ms=tuple(map(Bin.from_document, latency["histogram"])),
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
