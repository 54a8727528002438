"""Which part of the history is asked for."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass.parameters import query


@dataclass(frozen=True)
class Filters:
    """Which predictions to list; a field left at None does not narrow the list.

    `since` is included and `until` is not; both need a time zone. `user_id` is the token's
    own user unless an administrator asks for another.
    """

    user_id: uuid.UUID | None = None
    predicted_class: str | None = None
    min_confidence: float | None = None
    model_version: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def parameters(self) -> dict[str, str]:
        """The query string's parameters, under the names the service gives them."""
        return query(**vars(self))


EVERYTHING = Filters()
