"""Tokens for development."""
from __future__ import annotations

import time
import uuid
from datetime import timedelta

import jwt

from imgclass.tokens import development_token, user_id

SECRET = "a secret of the tests, longer than 32 bytes"


def claims(token: str) -> dict[str, object]:
    return jwt.decode(token, SECRET, ["HS256"], audience="imgclass", issuer="imgclass")


def test_token_has_every_claim() -> None:
    """A token names its issuer, its audience, its user and when it ends."""
    found = claims(development_token(SECRET, "ada@example.com"))
    assert set(found) == {"iss", "aud", "sub", "email", "roles", "iat", "exp"}
    assert (found["email"], found["roles"]) == ("ada@example.com", [])
    assert found["sub"] == str(user_id("ada@example.com"))
    assert abs(int(str(found["iat"])) - time.time()) < 10


def test_role_and_lifetime_are_chosen() -> None:
    """A token may be an administrator's, and may end soon."""
    found = claims(development_token(
        SECRET, "ada@example.com", admin=True, lifetime=timedelta(minutes=1)))
    assert found["roles"] == ["admin"]
    assert int(str(found["exp"])) - int(str(found["iat"])) == 60


def test_user_follows_from_the_address() -> None:
    """One address is always the same user, and two are two."""
    assert user_id("ada@example.com") == uuid.uuid5(uuid.NAMESPACE_URL, "mailto:ada@example.com")
    assert user_id("ada@example.com") != user_id("bob@example.com")
