"""What an administrator registers: an address, and which events it is told of."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from common.errors import InvalidRequest, InvalidValue
from common.events import EVENT_TYPES
from common.fields import refuse_unknown

MAX_URL_CHARACTERS = 2048
FIELDS = ("url", "event_types")


@dataclass(frozen=True)
class Registration:
    """A webhook to be. Whether its address may be connected to is decided when that is done."""

    url: str
    event_types: Sequence[str]

    @classmethod
    def from_json(cls, document: Any) -> Registration:
        """Read the body of a request. Raises InvalidRequest, or InvalidValue naming the field."""
        if not isinstance(document, dict) or "url" not in document:
            raise InvalidRequest("Send a JSON object with url and, if not all, event_types.")
        refuse_unknown(document, FIELDS)
        return cls(
            _url(document["url"]), _event_types(document.get("event_types", list(EVENT_TYPES))))


def _url(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_URL_CHARACTERS:
        raise InvalidValue(f"url must be a text of 1 to {MAX_URL_CHARACTERS} characters.")
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise InvalidValue(
            "url must be written in ASCII without spaces: names as xn--, the rest as %20.")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise InvalidValue("url is not a valid URL.") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidValue("url must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise InvalidValue("url must not contain a user or a password.")
    if not _has_host(parts) or port == 0:
        raise InvalidValue("url must name a host, and a port from 1 to 65535 if any.")
    return value


def _has_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if "[" not in parts.netloc:
        return re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _event_types(value: Any) -> list[str]:
    """Each once, in the order in which we name them."""
    if not isinstance(value, list) or not value or any(each not in EVENT_TYPES for each in value):
        raise InvalidValue(f"event_types must be a list of some of {', '.join(EVENT_TYPES)}.")
    return [each for each in EVENT_TYPES if each in value]
