"""Drift, as a test says it is."""
from __future__ import annotations

from common.errors import DatabaseUnavailable
from model_admin.drift.repository import Drift, Span


class FixedDrift:
    """DriftReader that always finds the same; `asked` keeps the questions."""

    def __init__(self, *found: Drift) -> None:
        self.found = list(found)
        self.versions = {"v1", "v2"}
        self.asked: list[tuple[Span, str | None]] = []
        self.down = False

    def is_registered(self, model_version: str) -> bool:
        self._reach()
        return model_version in self.versions

    def measure(self, span: Span, model_version: str | None = None) -> list[Drift]:
        self._reach()
        self.asked.append((span, model_version))
        return [each for each in self.found if model_version in (None, each.model_version)]

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()
