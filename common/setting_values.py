"""Settings from text to values. A parser raises ValueError that says what the text must be."""
from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union
from urllib.parse import urlsplit

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

# What the specification of CloudEvents defines is not for a deployment to set.
_EVENT_ATTRIBUTES = frozenset({
    "id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time",
    "data"})


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: int


def boolean(text: str) -> bool:
    """true, 1, false or 0, in any case."""
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError("true or false") from None


def positive(text: str) -> int:
    """A whole number above 0."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError("a whole number above 0")
    return int(text)


def not_negative(text: str) -> int:
    """A whole number, 0 among them."""
    return 0 if text == "0" else positive(text)


def two_or_more(text: str) -> int:
    """A whole number from 2."""
    if not_negative(text) < 2:
        raise ValueError("a whole number from 2")
    return int(text)


def port(text: str) -> int:
    """A port number."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError("a port number from 1 to 65535")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise ValueError("a number of seconds above 0")
    return value


def seconds_or_zero(text: str) -> float:
    """A number of seconds, 0 among them."""
    return 0.0 if text == "0" else seconds(text)


def rate(text: str) -> Rate | None:
    """A rate as in 100/minute; None for off."""
    if text == "off":
        return None
    try:
        count, unit = text.split("/")
        return Rate(positive(count), SECONDS[unit])
    except (ValueError, KeyError):
        raise ValueError("a rate as in 100/minute, or off") from None


def redis_url(text: str) -> str:
    """A URL of Redis or Valkey, or an empty text."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("redis", "rediss") or not parts.hostname):
        raise ValueError("a URL with redis or rediss")
    return text


def url(text: str) -> str:
    """A URL with http or https, or an empty text."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if text and not valid:
        raise ValueError("a URL with http or https")
    return text


def networks(text: str) -> tuple[Network, ...]:
    """Networks as in 10.0.0.0/8, separated by commas."""
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if text)
    except ValueError:
        raise ValueError("networks as in 10.0.0.0/8, separated by commas") from None


def extensions(text: str) -> dict[str, str]:
    """What Knative wants added to events, as it writes it."""
    try:
        document = json.loads(text or "{}")
        found: dict[str, str] = {**(document.pop("extensions", None) or {})}
        valid = not document and all(
            re.fullmatch("[a-z0-9]+", name) and name not in _EVENT_ATTRIBUTES
            and isinstance(value, str) for name, value in found.items())
    except (ValueError, TypeError, AttributeError):
        valid = False
    if not valid:
        raise ValueError('JSON as in {"extensions": {"name": "value"}}')
    return found


def host_and_port(text: str) -> str:
    """A host with its port, without a scheme."""
    host, _, number = text.rpartition(":")
    if not host or "/" in text:
        raise ValueError("host:port, without a scheme")
    port(number)
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser that takes one of these texts as it is."""
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(" or ".join(choices))
        return text
    return parse
