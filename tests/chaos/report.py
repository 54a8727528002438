"""What befell the parts while everything held: shown at the end of a run."""
from __future__ import annotations

from collections.abc import Iterator, Mapping


class Report:
    """Collects a line for each scenario that was survived."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, Mapping[str, int]]] = []

    def add(self, scenario: str, counts: Mapping[str, int]) -> None:
        """A scenario was survived; `counts` says what happened in it, how often or how long."""
        self._rows.append((scenario, counts))

    def lines(self) -> Iterator[str]:
        """A Markdown table, one row for each scenario."""
        if self._rows:
            yield "| survived | what happened |"
            yield "|---|---|"
        for scenario, counts in self._rows:
            yield f"| {scenario} | {', '.join(f'{what}: {n}' for what, n in counts.items())} |"
