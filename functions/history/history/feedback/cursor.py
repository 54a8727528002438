"""Where the next page of uncertain predictions begins."""
from __future__ import annotations

import math
import uuid
from dataclasses import dataclass

from common.cursors import decode_cursor, encode_cursor


@dataclass(frozen=True)
class MarginPosition:
    """The place of a prediction in the order of margins and ids: pages continue behind it."""

    margin: float
    prediction_id: uuid.UUID

    def encode(self) -> str:
        """As text that can stand in a URL."""
        return encode_cursor(repr(self.margin), self.prediction_id)

    @classmethod
    def decode(cls, cursor: str) -> MarginPosition:
        """What `encode` made. Raises InvalidValue for anything else."""
        return cls(*decode_cursor(cursor, _finite))


def _finite(text: str) -> float:
    margin = float(text)
    if not math.isfinite(margin):
        raise ValueError("no margin")
    return margin
