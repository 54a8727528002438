"""What a check says."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How a check went; a warning is what will become a failure, or a nuisance."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What a check found; unless all is well, `mend` is one line that says what to do."""

    check: str
    state: State
    said: str
    mend: str = ""


def ok(check: str, said: str) -> Finding:
    return Finding(check, State.OK, said)


def warning(check: str, said: str, mend: str) -> Finding:
    return Finding(check, State.WARNING, said, mend)


def failed(check: str, said: str, mend: str) -> Finding:
    return Finding(check, State.FAILED, said, mend)


def skipped(check: str, why: str) -> Finding:
    return Finding(check, State.SKIPPED, why)
