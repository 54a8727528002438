"""Fields of requests: from what was sent to a value, or InvalidValue naming the field."""
from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from common.errors import InvalidValue

MAX_TEXT_CHARACTERS = 255


def parse_text(name: str, sent: Any, least: int = 1) -> str:
    """A text of `least` to MAX_TEXT_CHARACTERS characters, as PostgreSQL takes them."""
    if not isinstance(sent, str) or not least <= len(sent) <= MAX_TEXT_CHARACTERS \
            or "\0" in sent or not _is_encodable(sent):
        raise InvalidValue(
            f"{name} must be a text of {least} to {MAX_TEXT_CHARACTERS} characters.")
    return sent


def parse_choice(name: str, sent: Any, choices: Sequence[str]) -> str:
    """One of some texts, of which there are two at least."""
    if sent not in choices:
        raise InvalidValue(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}.")
    return str(sent)


def parse_uuid(name: str, sent: Any) -> uuid.UUID:
    """A UUID in any of its usual notations."""
    try:
        return uuid.UUID(sent)
    except (TypeError, ValueError, AttributeError):
        raise InvalidValue(f"{name} must be a UUID.") from None


def parse_integer(name: str, sent: str, least: int, most: int) -> int:
    """A whole number in decimal digits, from `least` to `most`."""
    if not re.fullmatch(r"[0-9]{1,12}", sent) or not least <= int(sent) <= most:
        raise InvalidValue(f"{name} must be a whole number from {least} to {most}.")
    return int(sent)


def parse_time(name: str, sent: Any) -> datetime:
    """A time in ISO 8601, in UTC; without an offset it is taken as UTC."""
    try:
        # Python reads the suffix Z from 3.11 on.
        value = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", sent))
        # PostgreSQL takes no offset beyond 16 hours, and Python no year beyond 1 to 9999.
        return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        raise InvalidValue(f"{name} must be a time as in 2026-01-31T12:00:00Z.") from None


def refuse_unknown(
    document: Mapping[str, Any], known: Collection[str], prefix: str = ""
) -> None:
    """Raises InvalidValue for a field that is none of `known`: a misspelt one is not passed over.

    `prefix` is where the fields are, as in "filter.".
    """
    unknown = sorted(set(document) - set(known))
    if unknown:
        raise InvalidValue(f"{prefix}{unknown[0]} is not known; there are {', '.join(known)}.")


def clean_filename(name: str) -> str:
    """The last part of a client's path, printable, at most 255 characters."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(character for character in last if character.isprintable())
    return printable[:255] or "picture"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can carry
        return False
    return True
