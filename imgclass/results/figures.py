"""Answers in numbers: how sure and how fast they were."""
from __future__ import annotations

from dataclasses import dataclass

from imgclass.results.values import Document


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
class Figures:
    """Confidences, of which 1 is in the last bin, and latencies in milliseconds.

    What needs an answer is None without one.
    """

    mean_confidence: float | None
    confidences: tuple[Bin, ...]
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    latencies_ms: tuple[Bin, ...]

    @classmethod
    def from_document(cls, document: Document) -> Figures:
        confidence, latency = document["confidence"], document["latency_ms"]
        return cls(
            mean_confidence=confidence["mean"],
            confidences=tuple(map(Bin.from_document, confidence["histogram"])),
            p50_ms=latency["p50"],
            p95_ms=latency["p95"],
            p99_ms=latency["p99"],
            latencies_ms=tuple(map(Bin.from_document, latency["histogram"])),
        )
