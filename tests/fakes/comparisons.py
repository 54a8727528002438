"""Recorded answers in memory, compared the plain way: picture by picture."""
from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.errors import DatabaseUnavailable
from model_admin.insight.repository import Question, Row


@dataclass(frozen=True)
class Given:
    """An answer to a picture: live, a shadow's beside the live one it was given with, or a
    backfill's."""

    version: str
    picture: int
    at: datetime
    predicted_class: str
    confidence: float
    ms: int
    kind: str = "live"
    beside: Given | None = None


class InMemoryComparisonReader:
    """ComparisonReader on a list; `versions` are registered; `down` makes it unreachable."""

    def __init__(self, *versions: str) -> None:
        self.versions = set(versions)
        self.answers: list[Given] = []
        self.down = False

    def registered(self, versions: Sequence[str]) -> set[str]:
        if self.down:
            raise DatabaseUnavailable()
        return self.versions & set(versions)

    def compare(
        self, question: Question, confidence_bins: int, latency_bounds: Sequence[int]
    ) -> Row:
        if self.down:
            raise DatabaseUnavailable()
        pairs = [*self._pairs(question)]
        changes = Counter(
            (old.predicted_class, new.predicted_class) for old, new in pairs
            if old.predicted_class != new.predicted_class)
        ranking = sorted(changes.items(), key=lambda change: (-change[1], change[0]))
        answers = {
            version: chosen for version in (question.version, question.other)
            if (chosen := [each for each in self._answers(question, pairs)
                           if each.version == version])}
        return {
            "pictures": len(pairs),
            "agreed": sum(old.predicted_class == new.predicted_class for old, new in pairs),
            "class_changes": [
                {"old": old, "new": new, "pictures": count}
                for (old, new), count in ranking[:question.most_changes]],
            "distributions": {
                version: _distribution(version, chosen, confidence_bins, latency_bounds)
                for version, chosen in answers.items()},
        }

    def _pairs(self, question: Question) -> Iterator[tuple[Given, Given]]:
        """For each picture, its newest pair: the old version's answer and the new one's."""
        versions = {question.version, question.other}
        found: dict[int, tuple[datetime, datetime, Given, Given]] = {}
        for answer in self.answers:
            for earlier in self._earlier(answer, question.basis):
                times = (earlier.at if answer.kind == "shadow" else answer.at, earlier.at)
                if ({answer.version, earlier.version} == versions and _within(question, times[0])
                        and times > found.get(answer.picture, (datetime.min.replace(
                            tzinfo=times[0].tzinfo),))[:2]):
                    found[answer.picture] = (*times, earlier, answer)
        for *_, earlier, answer in found.values():
            yield ((earlier, answer) if earlier.version == question.version
                   else (answer, earlier))

    def _earlier(self, answer: Given, basis: str) -> list[Given]:
        """The answers it makes a pair with."""
        if answer.kind == "shadow" and basis in ("shadow", "all"):
            return [answer.beside] if answer.beside else []
        if answer.kind == "backfill" and basis in ("backfill", "all"):
            return [each for each in self.answers if each.picture == answer.picture
                    and each.kind != "shadow" and each.at < answer.at]
        return []

    def _answers(
        self, question: Question, pairs: Sequence[tuple[Given, Given]]
    ) -> list[Given]:
        if question.basis in ("shadow", "backfill"):
            return [answer for pair in pairs for answer in pair]
        return [each for each in self.answers if _within(question, each.at)
                and (question.basis == "all" or each.kind == "live")]


def _within(question: Question, at: datetime) -> bool:
    return ((question.since is None or at >= question.since)
            and (question.until is None or at < question.until))


def _distribution(
    version: str, answers: Sequence[Given], confidence_bins: int, latency_bounds: Sequence[int]
) -> dict[str, Any]:
    kinds = Counter(each.kind for each in answers)
    latencies = sorted(each.ms for each in answers)
    bins = Counter(min(int(each.confidence * confidence_bins), confidence_bins - 1)
                   for each in answers)
    speeds = Counter(bisect_right(latency_bounds, each.ms) for each in answers)

    def percentile(share: float) -> int:
        return latencies[math.ceil(share * len(latencies)) - 1]

    return {
        "version": version, "answers": len(answers),
        **{kind: kinds[kind] for kind in ("live", "shadow", "backfill")},
        "mean_confidence": math.fsum(each.confidence for each in answers) / len(answers),
        "p50": percentile(0.5), "p95": percentile(0.95), "p99": percentile(0.99),
        "confidence_counts": [bins[number] for number in range(confidence_bins)],
        "latency_counts": [speeds[number] for number in range(len(latency_bounds) + 1)],
    }
