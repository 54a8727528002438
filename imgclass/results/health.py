"""Whether a service is there."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Health:
    """What a service says of itself, and what time it has; None if it does not tell."""

    status: str
    server_time: datetime | None
