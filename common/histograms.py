"""How answers are counted by confidence and by latency, everywhere alike."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

CONFIDENCE_BINS = 10
LATENCY_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def distributions(
    mean_confidence: float | None,
    confidence_counts: Sequence[int],
    percentiles_ms: Sequence[int | None],
    latency_counts: Sequence[int],
) -> dict[str, Any]:
    """As reports show them; the percentiles are the 50th, the 95th and the 99th, all None and
    the mean as well where there are no answers."""
    p50, p95, p99 = percentiles_ms
    return {
        "confidence": {
            "mean": mean_confidence, "histogram": _confidence_histogram(confidence_counts)},
        "latency_ms": {
            "p50": p50, "p95": p95, "p99": p99,
            "histogram": _latency_histogram(latency_counts)},
    }


def _confidence_histogram(counts: Sequence[int]) -> list[dict[str, Any]]:
    """CONFIDENCE_BINS of equal width from 0 to 1; the last one includes 1."""
    edges = [number / CONFIDENCE_BINS for number in range(CONFIDENCE_BINS + 1)]
    return [*_bins(edges, counts)]


def _latency_histogram(counts: Sequence[int]) -> list[dict[str, Any]]:
    """Milliseconds below the first of LATENCY_BOUNDS_MS, between them, and from the last on."""
    return [*_bins([0, *LATENCY_BOUNDS_MS, None], counts)]


def _bins(edges: Sequence[float | None], counts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Each bin with its lower edge, which belongs to it, and its upper one, which does not."""
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        yield {"from": low, "to": high, "count": count}
