"""What suites say at the end of a run."""
from __future__ import annotations

from collections.abc import Iterable

import pytest


def write_section(
    reporter: pytest.TerminalReporter, title: str, lines: Iterable[str]
) -> None:
    """Lines below a title; nothing where there are none."""
    if written := [*lines]:
        reporter.section(title)
        for line in written:
            reporter.write_line(line)
