"""The rollout in memory."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import DatabaseUnavailable
from predict.rollout import Rollout


class InMemoryRolloutRepository:
    """RolloutRepository with one replica; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.current = Rollout()
        self.reports: list[tuple[dict[str, Any], str | None]] = []
        self.failures: list[tuple[str, str]] = []
        self.down = False

    def rollout(self) -> Rollout:
        self._check()
        return self.current

    def report(self, serving: Mapping[str, Any], problem: str | None) -> None:
        self._check()
        self.reports.append((dict(serving), problem))

    def note_load_failure(self, version: str, reason: str) -> None:
        self._check()
        self.failures.append((version, reason))

    def _check(self) -> None:
        if self.down:
            raise DatabaseUnavailable()
