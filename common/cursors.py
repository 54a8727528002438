"""Cursors: where the next page of a list begins. A list is ordered by something and by its ids."""
from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from common.errors import InvalidValue

Key = TypeVar("Key")


def encode_cursor(key: str, row_id: uuid.UUID) -> str:
    """What a list is ordered by and the id of a row, as text that can stand in a URL."""
    return base64.urlsafe_b64encode(f"{key} {row_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str, read_key: Callable[[str], Key]) -> tuple[Key, uuid.UUID]:
    """What encode_cursor made, the key as `read_key` reads it.

    Raises InvalidValue for anything else, and where `read_key` raises a ValueError.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        key, _, row_id = text.partition(" ")
        return read_key(key), uuid.UUID(row_id)
    except (ValueError, OverflowError):  # binascii.Error is a ValueError
        raise InvalidValue("cursor must be a next_cursor of this list.") from None


@dataclass(frozen=True)
class Position:
    """The place of a row in a list that is ordered by time: pages continue behind it."""

    at: datetime
    row_id: uuid.UUID

    def encode(self) -> str:
        """As text that can stand in a URL."""
        return encode_cursor(self.at.isoformat(), self.row_id)

    @classmethod
    def decode(cls, cursor: str) -> Position:
        """What `encode` made. Raises InvalidValue for anything else."""
        return cls(*decode_cursor(
            cursor, lambda text: datetime.fromisoformat(text).astimezone(timezone.utc)))


@dataclass(frozen=True)
class Page:
    """Rows of a list, and where the next page begins, if there is one."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


def cut_page(
    rows: list[dict[str, Any]], limit: int, cursor_of: Callable[[dict[str, Any]], str]
) -> Page:
    """A page of `limit` of these rows, of which one more was asked for: it tells whether another
    page follows. `cursor_of` is given the last one of the page."""
    page = rows[:limit]
    return Page(page, cursor_of(page[-1]) if len(rows) > limit else None)
