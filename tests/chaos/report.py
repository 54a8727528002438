"""What befell the parts while everything held: shown at the end of a run."""
from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.summaries import Table

SURVIVED = Table("chaos", "| survived | what happened |\n|---|---|")


class Report:
    """Notes a line for each scenario that a test survived."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def add(self, scenario: str, counts: Mapping[str, int]) -> None:
        """A scenario was survived; `counts` says what happened in it, how often or how long."""
        happened = ", ".join(f"{what}: {count}" for what, count in counts.items())
        SURVIVED.add(self._item, f"| {scenario} | {happened} |")
