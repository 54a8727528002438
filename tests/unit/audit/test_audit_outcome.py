"""scripts/audit/outcome.py: what is printed, and the exit status."""
from __future__ import annotations

import pytest

from scripts.audit.outcome import Outcome, exit_status

CLEAN = Outcome("code", "nothing in 3 files")
FOUND = Outcome("code", "", findings=("a.py:1 is bad",))
UNCHECKED = Outcome("advisories", "", unchecked=("the database is down",))


@pytest.mark.parametrize(("outcomes", "status"), [
    ([CLEAN], 0), ([CLEAN, FOUND], 1), ([CLEAN, UNCHECKED], 3), ([UNCHECKED, FOUND], 1)])
def test_status(outcomes: list[Outcome], status: int) -> None:
    """A finding fails; what could not be checked has a status of its own, which is not 0."""
    assert exit_status(outcomes) == status


def test_what_was_not_checked_is_said() -> None:
    """A check that found something and could not look everywhere says both, and not that all is
    well."""
    both = Outcome("advisories", "all is well", ("a is bad",), ("b, for it is unknown",))
    assert both.lines() == ["advisories a is bad", "advisories not checked: b, for it is unknown"]


def test_success_says_what_was_looked_at() -> None:
    """A check that found nothing says how much it has seen."""
    assert CLEAN.lines() == ["code       nothing in 3 files"]
