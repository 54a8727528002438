"""What measurements end with: figures, verdicts, and results that can be kept."""
from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of them do not exceed, by nearest rank; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Verdict(NamedTuple):
    """A target, the figure that was measured for it, and whether it is met."""

    target: str
    measured: str
    met: bool


def verdict_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """A Markdown table."""
    return ["| target | measured | |", "|---|--:|---|", *(
        f"| {each.target} | {each.measured} | {'met' if each.met else 'missed'} |"
        for each in verdicts)]


def keep(name: str, document: Any) -> Path:
    """Write a result as JSON; answers where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path
