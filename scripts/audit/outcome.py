"""What a check found, and what could not be checked at all."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CLEAN, FOUND, UNCHECKED = 0, 1, 3


@dataclass(frozen=True)
class Outcome:
    """What one check says, in lines for people.

    `passed` tells what was looked at; `findings` are wrong and need somebody; `unchecked` says
    what could not be looked at, and why, which is neither a finding nor a success.
    """

    check: str
    passed: str
    findings: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What is printed: the findings, then what was not checked, else that all is well."""
        said = [*self.findings, *(f"not checked: {reason}" for reason in self.unchecked)]
        return [f"{self.check:<10} {line}" for line in said or [self.passed]]


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """1 if anything was found, else 3 if anything could not be checked, else 0."""
    gathered = list(outcomes)
    if any(outcome.findings for outcome in gathered):
        return FOUND
    return UNCHECKED if any(outcome.unchecked for outcome in gathered) else CLEAN
