"""Who a token speaks for."""
from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

from imgclass.errors import InvalidToken


def user_id_of(token: str) -> uuid.UUID:
    """The user a token speaks for. The token is read, not verified: that is the service's part.

    A subject that is a UUID is the user id; any other maps to a version 5 UUID (RFC 9562) of
    issuer and subject. Raises InvalidToken.
    """
    claims = claims_of(token)
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    try:
        return uuid.UUID(subject)
    except ValueError:
        return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, issuer), subject)


def claims_of(token: str) -> Mapping[str, Any]:
    """What a token says, `iss` and `sub` among it; read, not verified. Raises InvalidToken."""
    try:
        _, payload, _ = token.encode("ascii").split(b".")
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return {**claims, "iss": claims["iss"], "sub": claims["sub"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidToken("the token is not a JWT with the claims iss and sub") from error
