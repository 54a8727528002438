"""What a request asks for, under the names that the service gives it."""
from __future__ import annotations

from datetime import datetime

# Python has taken `from` for itself.
NAMES = {"since": "from", "until": "to"}


def document(**asked: object) -> dict[str, str | int | float]:
    """As an object of JSON: numbers stay such, the rest is text; what is None is left out."""
    return {NAMES.get(name, name): _plain(value)
            for name, value in asked.items() if value is not None}


def query(**asked: object) -> dict[str, str]:
    """As the parameters of a query string; what is None is left out."""
    return {name: str(value) for name, value in document(**asked).items()}


def _plain(value: object) -> str | int | float:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (int, float)) else str(value)
