"""Where the next page of uncertain predictions begins."""
from __future__ import annotations

import base64
import math
import uuid
from dataclasses import dataclass

from common.errors import InvalidValue


@dataclass(frozen=True)
class MarginPosition:
    """The place of a prediction in the order of margins and ids: pages continue behind it."""

    margin: float
    prediction_id: uuid.UUID

    def encode(self) -> str:
        """As text that can stand in a URL."""
        text = f"{self.margin!r} {self.prediction_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, cursor: str) -> MarginPosition:
        """What `encode` made. Raises InvalidValue for anything else."""
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
            margin, _, prediction_id = text.partition(" ")
            position = cls(float(margin), uuid.UUID(prediction_id))
        except ValueError:  # binascii.Error is one
            position = cls(math.nan, uuid.UUID(int=0))
        if not math.isfinite(position.margin):
            raise InvalidValue("cursor must be a next_cursor of this list.")
        return position
