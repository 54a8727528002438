"""Cursors: where the next page of a list begins that is ordered by time and id, newest first."""
from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from common.errors import InvalidValue


@dataclass(frozen=True)
class Position:
    """The place of a row in the order of a list: pages continue behind it."""

    at: datetime
    row_id: uuid.UUID

    def encode(self) -> str:
        """As text that can stand in a URL."""
        text = f"{self.at.isoformat()} {self.row_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, cursor: str) -> Position:
        """What `encode` made. Raises InvalidValue for anything else."""
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
            at, _, row_id = text.partition(" ")
            return cls(datetime.fromisoformat(at).astimezone(timezone.utc), uuid.UUID(row_id))
        except (ValueError, OverflowError):  # binascii.Error is a ValueError
            raise InvalidValue("cursor must be a next_cursor of this list.") from None
