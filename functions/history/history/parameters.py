"""What queries of predictions have in common: each is None, or the caller, where not sent."""
from __future__ import annotations

import uuid
from datetime import datetime

from flask import request

from common.errors import InvalidValue
from common.fields import parse_time, parse_uuid
from common.web import principal


def sent_user_id() -> uuid.UUID:
    """Whose predictions are asked for: the caller's unless user_id says other."""
    sent = request.args.get("user_id")
    return principal().user_id if sent is None else parse_uuid("user_id", sent)


def sent_text(name: str) -> str | None:
    """Up to 255 characters. Raises InvalidValue."""
    text = request.args.get(name)
    if text is not None and (len(text) > 255 or "\0" in text):
        raise InvalidValue(f"{name} must have at most 255 characters.")
    return text


def sent_time(name: str) -> datetime | None:
    """A time in ISO 8601. Raises InvalidValue."""
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)
