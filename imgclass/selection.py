"""Which stored pictures are to be classified again."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from datetime import datetime


@dataclass(frozen=True)
class Selection:
    """Pictures with a prediction of this kind; a field left at None does not narrow the choice.

    `since` is included and `until` is not; both need a time zone. `model_version` is the one
    that made the old prediction.
    """

    since: datetime | None = None
    until: datetime | None = None
    predicted_class: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    model_version: str | None = None
    user_id: uuid.UUID | None = None

    def document(self) -> dict[str, str | float]:
        """As the service reads it."""
        names = {"since": "from", "until": "to"}
        return {
            names.get(field.name, field.name): _plain(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }


EVERY_PICTURE = Selection()


def _plain(value: object) -> str | float:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (int, float)) else str(value)
