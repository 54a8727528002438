"""Tables that tests add rows to, shown at the end of a run, whichever worker ran the tests."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import pytest

ROW = "row of a table"


@dataclass(frozen=True)
class Table:
    """A Markdown table below a title; `head` are its first two lines."""

    title: str
    head: str

    def add(self, item: pytest.Item, row: str) -> None:
        """Add a row that a test has to show; it travels with the test's report."""
        item.user_properties.append((ROW, (self.title, self.head, row)))


def write_tables(reporter: pytest.TerminalReporter) -> None:
    """Every table with a row, below its title."""
    sections: dict[str, dict[str, list[str]]] = {}
    for title, head, row in _rows(chain.from_iterable(reporter.stats.values())):
        sections.setdefault(title, {}).setdefault(head, []).append(row)
    for title, tables in sections.items():
        reporter.section(title)
        for head, rows in tables.items():
            reporter.write_line("\n".join([head, *rows]))


def _rows(reports: Iterable[object]) -> Iterable[tuple[str, str, str]]:
    for report in reports:
        # The last report of a test has the rows of all its phases.
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            for name, value in report.user_properties:
                if name == ROW:
                    title, head, row = value  # type: ignore[misc]  # any object, by its type
                    yield title, head, row
