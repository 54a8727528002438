"""JSON as it is answered and exported."""
from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from flask.json.provider import DefaultJSONProvider


class IsoJsonProvider(DefaultJSONProvider):
    """JSON with fields in the order written and times in ISO 8601, UTC."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        """What json cannot write by itself."""
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return DefaultJSONProvider.default(value)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON. Raises ValueError, also for what is nested too deeply to be read."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None
