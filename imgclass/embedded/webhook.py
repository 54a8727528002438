"""Whom the object store tells of uploads."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Webhook:
    """A URL that is sent every upload, with the secret `events-token` as its bearer token.

    With `queued`, a store that can do so keeps what it could not deliver, and tries again.
    """

    url: str
    queued: bool = False
