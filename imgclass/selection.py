"""Which stored pictures are to be classified again."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass import parameters


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
        return parameters.document(**vars(self))


EVERY_PICTURE = Selection()
