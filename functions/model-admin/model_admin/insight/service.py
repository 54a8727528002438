"""Comparing what two versions answered."""
from __future__ import annotations

from typing import Any

from common.errors import NotFound
from common.histograms import CONFIDENCE_BINS, LATENCY_BOUNDS_MS, distributions
from model_admin.insight.repository import ComparisonReader, Question, Row

_KINDS = ("live", "shadow", "backfill")
_NO_ANSWERS: Row = {
    "answers": 0, **dict.fromkeys(_KINDS, 0), "mean_confidence": None,
    "p50": None, "p95": None, "p99": None,
    "confidence_counts": [0] * CONFIDENCE_BINS,
    "latency_counts": [0] * (len(LATENCY_BOUNDS_MS) + 1)}


class VersionComparison:
    """Reports on two versions: where they agree, and how sure and how fast each is."""

    def __init__(self, reader: ComparisonReader) -> None:
        self._reader = reader

    def compare(self, question: Question) -> dict[str, Any]:
        """The report, as JSON values. Raises NotFound if a version was never registered."""
        versions = (question.version, question.other)
        known = self._reader.registered(versions)
        for version in versions:
            if version not in known:
                raise NotFound(f"There is no model version {version}.")
        row = self._reader.compare(question, CONFIDENCE_BINS, LATENCY_BOUNDS_MS)
        return {
            "version": question.version,
            "with": question.other,
            "basis": question.basis,
            "from": question.since,
            "to": question.until,
            "pictures": row["pictures"],
            "agreed": row["agreed"],
            "agreement_rate": row["agreed"] / row["pictures"] if row["pictures"] else None,
            "class_changes": row["class_changes"],
            "distributions": [
                _distribution(version, row["distributions"].get(version, _NO_ANSWERS))
                for version in versions],
        }


def _distribution(version: str, row: Row) -> dict[str, Any]:
    return {
        "version": version,
        "answers": row["answers"],
        "by_kind": {kind: row[kind] for kind in _KINDS},
        **distributions(
            row["mean_confidence"], row["confidence_counts"],
            (row["p50"], row["p95"], row["p99"]), row["latency_counts"]),
    }
