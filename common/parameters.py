"""Parameters of a query, from text to a value; every function raises InvalidValue naming its own.

A parameter that was not sent is None, or its default.
"""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from flask import request

from common.errors import InvalidValue
from common.fields import parse_choice, parse_integer, parse_text, parse_time, parse_uuid

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


def sent_text(name: str, least: int = 0) -> str | None:
    """A text of at least so many characters; see parse_text."""
    sent = request.args.get(name)
    return None if sent is None else parse_text(name, sent, least)


def sent_choice(name: str, choices: Sequence[str]) -> str | None:
    """One of some texts."""
    sent = request.args.get(name)
    return None if sent is None else parse_choice(name, sent, choices)


def sent_integer(name: str, default: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    sent = request.args.get(name)
    return default if sent is None else parse_integer(name, sent, least, most)


def sent_limit() -> int:
    """How many rows a page of a list may have."""
    return sent_integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)


def sent_uuid(name: str) -> uuid.UUID | None:
    """A UUID."""
    sent = request.args.get(name)
    return None if sent is None else parse_uuid(name, sent)


def sent_time(name: str) -> datetime | None:
    """A time in ISO 8601, in UTC."""
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)


def sent_period() -> tuple[datetime | None, datetime | None]:
    """The parameters from and to, of which the second is not before the first."""
    since, until = sent_time("from"), sent_time("to")
    if since and until and since > until:
        raise InvalidValue("to must not be before from.")
    return since, until
