"""What an Idempotency-Key is, and what makes two requests the same."""
from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, replace

from common.errors import InvalidRequest

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class RequestKey:
    """A key with what was sent under it; both as SHA-256. Keys of different users differ."""

    user_id: uuid.UUID
    key_digest: bytes
    request_digest: bytes


def read_key(
    sent: str | None, caller: uuid.UUID, owner: uuid.UUID, top_k: int | None, picture: bytes
) -> RequestKey | None:
    """The key of a request, if it has one. Raises InvalidRequest for one that is none.

    Two requests are the same if picture, owner and number of classes are; a file's name may
    differ.
    """
    if sent is None:
        return None
    if not _KEY.fullmatch(sent):
        raise InvalidRequest(f"{HEADER} must have 1 to 255 visible characters of ASCII.")
    request = hashlib.sha256(f"{owner} {top_k} ".encode())
    request.update(picture)
    return RequestKey(caller, hashlib.sha256(sent.encode()).digest(), request.digest())


def part_of_key(key: RequestKey, number: int) -> RequestKey:
    """The key of one of several pictures that were sent with `key`; no sender can choose it."""
    part = hashlib.sha256(key.key_digest + b" %d" % number)
    return replace(key, key_digest=part.digest())
