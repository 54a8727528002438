"""An audit log in memory."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.audit import Origin
from common.errors import DatabaseUnavailable


class InMemoryTrail:
    """AuditTrail in a list: origin, action, subject and detail; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.lines: list[tuple[Origin, str, str, dict[str, Any]]] = []
        self.down = False

    def write(
        self, origin: Origin, action: str, subject: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        if self.down:
            raise DatabaseUnavailable()
        self.lines.append((origin, action, subject, dict(detail or {})))
