"""Values that JSON has no form for."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]


def instant(text: str) -> datetime:
    """A time with its offset from UTC, as RFC 3339 writes it."""
    # Python reads the suffix Z from 3.11 on.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def optional_instant(text: str | None) -> datetime | None:
    """A time, or None for something that has not happened."""
    return None if text is None else instant(text)
