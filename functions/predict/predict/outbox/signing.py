"""Signatures by which a receiver knows that a request is ours: Standard Webhooks 1.0."""
from __future__ import annotations

import base64
import hashlib
import hmac

from common.events import KEY_PREFIX


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that sign a request; `timestamp` is its time in seconds since 1970.

    `secret` is whsec_ and the key in base64. Raises ValueError if it is not.
    """
    if not secret.startswith(KEY_PREFIX):
        raise ValueError(f"a secret begins with {KEY_PREFIX}")
    key = base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
