"""A user's predictions in numbers."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from imgclass.results.comparisons import Bin
from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Stats:
    """Predictions from `since` on and before `until`.

    `classes` is how many different ones there are; `by_class` has the most frequent ones and
    `by_day` the days in UTC that have any. Latencies are in milliseconds; what needs a prediction
    is None without one.
    """

    since: datetime
    until: datetime
    total: int
    classes: int
    by_day: Mapping[date, int]
    by_class: Mapping[str, int]
    mean_confidence: float | None
    confidences: tuple[Bin, ...]
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    latencies_ms: tuple[Bin, ...]

    @classmethod
    def from_document(cls, document: Document) -> Stats:
        confidence, latency = document["confidence"], document["latency_ms"]
        return cls(
            since=instant(document["from"]),
            until=instant(document["to"]),
            total=int(document["total"]),
            classes=int(document["classes"]),
            by_day={date.fromisoformat(each["day"]): int(each["predictions"])
                    for each in document["by_day"]},
            by_class={str(each["predicted_class"]): int(each["predictions"])
                      for each in document["by_class"]},
            mean_confidence=confidence["mean"],
            confidences=tuple(map(Bin.from_document, confidence["histogram"])),
            p50_ms=latency["p50"],
            p95_ms=latency["p95"],
            p99_ms=latency["p99"],
            latencies_ms=tuple(map(Bin.from_document, latency["histogram"])),
        )
