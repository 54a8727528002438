"""Tokens for development, signed with the secret of the stack on this machine."""
from __future__ import annotations

import time
import uuid
from datetime import timedelta

import jwt

ISSUER = "imgclass"
AUDIENCE = "imgclass"
LIFETIME = timedelta(hours=12)


def development_token(
    secret: str,
    email: str,
    admin: bool = False,
    lifetime: timedelta = LIFETIME,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
) -> str:
    """An HS256 token for the user with this e-mail address; the same address, the same user id.

    `admin` adds the role that may register models and read everybody's data.
    """
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": str(user_id(email)),
        "email": email,
        "roles": ["admin"] if admin else [],
        "iat": now,
        "exp": now + int(lifetime.total_seconds()),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def user_id(email: str) -> uuid.UUID:
    """The id of the user with this address: a version 5 UUID (RFC 9562) of its mailto URL."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{email}")
