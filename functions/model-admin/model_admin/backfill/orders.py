"""What an administrator orders: which pictures to classify again, with which version, how fast."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from common.errors import InvalidRequest, InvalidValue
from common.fields import parse_text, parse_time, parse_uuid, refuse_unknown

DEFAULT_RATE, MIN_RATE, MAX_RATE = 20.0, 0.1, 1000.0


@dataclass(frozen=True)
class Filter:
    """Selects pictures by a prediction they have; what is None does not narrow the choice.

    `since` is included and `until` is not. `model_version` is that of the old prediction.
    """

    since: datetime | None = None
    until: datetime | None = None
    predicted_class: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    model_version: str | None = None
    user_id: uuid.UUID | None = None

    @classmethod
    def from_json(cls, document: Any) -> Filter:
        """Read a filter as it is sent and stored. Raises InvalidValue naming the field."""
        if not isinstance(document, dict):
            raise InvalidValue("filter must be a JSON object.")
        refuse_unknown(document, _READERS, "filter.")
        values = {
            _field(name): _READERS[name](f"filter.{name}", value)
            for name, value in document.items() if value is not None}
        chosen = cls(**values)
        _in_order("from", chosen.since, "to", chosen.until)
        _in_order("min_confidence", chosen.min_confidence, "max_confidence", chosen.max_confidence)
        return chosen

    def as_json(self) -> dict[str, Any]:
        """As it is stored and shown; Filter.from_json reads it back."""
        names = {field: name for name, field in _FIELDS.items()}
        return {
            names.get(field.name, field.name): _plain(value)
            for field in fields(self) if (value := getattr(self, field.name)) is not None}


@dataclass(frozen=True)
class Order:
    """A backfill to start."""

    model_version: str
    filter: Filter
    pictures_per_second: float

    @classmethod
    def from_json(cls, document: Any) -> Order:
        """Read the body of a request. Raises InvalidRequest, or InvalidValue naming the field."""
        if not isinstance(document, dict) or "model_version" not in document:
            raise InvalidRequest("Send a JSON object with model_version and filter.")
        refuse_unknown(document, ("model_version", "filter", "pictures_per_second"))
        return cls(
            parse_text("model_version", document["model_version"]),
            Filter.from_json(document.get("filter", {})),
            _rate("pictures_per_second", document.get("pictures_per_second", DEFAULT_RATE)))


def _field(name: str) -> str:
    return _FIELDS.get(name, name)


def _in_order(first: str, least: Any, second: str, most: Any) -> None:
    if least is not None and most is not None and least > most:
        raise InvalidValue(f"filter.{second} must not be less than filter.{first}.")


def _number(name: str, value: Any, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:
        raise InvalidValue(f"{name} must be a number from {least:g} to {most:g}.")
    return float(value)


def _confidence(name: str, value: Any) -> float:
    return _number(name, value, 0, 1)


def _rate(name: str, value: Any) -> float:
    return _number(name, value, MIN_RATE, MAX_RATE)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, uuid.UUID) else value


# Names in JSON that are no names in Python.
_FIELDS = {"from": "since", "to": "until"}
_READERS: dict[str, Callable[[str, Any], Any]] = {
    "from": parse_time, "to": parse_time, "predicted_class": parse_text,
    "min_confidence": _confidence, "max_confidence": _confidence, "model_version": parse_text,
    "user_id": parse_uuid}
