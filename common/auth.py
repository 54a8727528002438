"""Bearer tokens to principals."""
from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from common.config import Settings
from common.errors import Forbidden, Unauthenticated, Unavailable

MAX_TOKEN_CHARACTERS = 8192
KEYS_LIFESPAN_SECONDS = 600.0
KEYS_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Principal:
    """Who is calling: `user_id` owns what is stored, `roles` may contain "admin"."""

    user_id: uuid.UUID
    email: str
    roles: frozenset[str]

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles

    def require_admin(self) -> None:
        """Raises Forbidden unless the caller is an administrator."""
        if not self.is_admin:
            raise Forbidden("This needs a token with the role admin.")


class SigningKeys(Protocol):
    """Finds the key a token must be signed with."""

    def key_for(self, token: str) -> Any: ...


class SharedSecret:
    """One HS256 secret for every token."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def key_for(self, token: str) -> str:
        return self._secret


class KeySet:
    """The identity provider's published keys (JWKS), cached and looked up by `kid`.

    A key the provider withdraws is refused once the cached set has expired.
    """

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(
            url, lifespan=KEYS_LIFESPAN_SECONDS, timeout=KEYS_TIMEOUT_SECONDS)

    def key_for(self, token: str) -> Any:
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise jwt.InvalidKeyError("The token names no key.")
        unavailable = Unavailable("The identity provider's keys cannot be fetched.")
        try:
            self._client.get_signing_keys()
        except (jwt.PyJWTError, ValueError, OSError) as error:  # no keys, no JSON, no answer
            raise unavailable from error
        try:
            return self._client.get_signing_key(kid).key
        except (jwt.PyJWKClientConnectionError, ValueError, OSError) as error:
            raise unavailable from error


class Authenticator:
    """Verifies tokens with one pinned algorithm; `alg`, `jku`, `jwk` and `x5u` never choose."""

    def __init__(self, settings: Settings) -> None:
        self._algorithm = settings.jwt_algorithm
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._leeway = settings.jwt_leeway_seconds
        self._keys: SigningKeys = (
            SharedSecret(settings.jwt_secret) if settings.jwt_algorithm == "HS256"
            else KeySet(settings.jwt_jwks_url))

    def authenticate(self, authorization: str | None) -> Principal:
        """Turn an Authorization header into a Principal.

        Raises Unauthenticated with the reason, or Unavailable when no key can be fetched.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send a token: Authorization: Bearer <JWT>.")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("The token is too long.")
        try:
            claims = jwt.decode(
                token,
                self._keys.key_for(token),
                algorithms=[self._algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The token has expired.") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("The token is not valid here.") from error
        return _principal(claims)


class MachineToken:
    """The one bearer token of callers that are no users; an empty one lets nobody in."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def verify(self, authorization: str | None) -> None:
        """Raises Unauthenticated unless an Authorization header carries the token."""
        scheme, _, sent = (authorization or "").partition(" ")
        equal = hmac.compare_digest(sent.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not equal or not self._token:
            raise Unauthenticated("Send the machine's own token: Authorization: Bearer <token>.")


def user_id_of(issuer: str, subject: str) -> uuid.UUID:
    """A subject that is a UUID is the user id; any other maps to a UUID of issuer and subject.

    Version 5 of RFC 9562 (§5.5), in a namespace of the issuer's own. Raises ValueError for a
    subject that is empty or not encodable.
    """
    if not subject:
        raise ValueError("empty subject")
    try:
        return uuid.UUID(subject)
    except ValueError:
        return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, issuer), subject)


def _principal(claims: dict[str, Any]) -> Principal:
    roles, email = claims.get("roles", []), claims.get("email")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated("The token's claim roles must be a list of strings.")
    try:
        user_id = user_id_of(claims["iss"], claims["sub"])
    except ValueError as error:
        raise Unauthenticated("The token's subject is not usable.") from error
    if not isinstance(email, str) or not 0 < len(email) <= 255 or not email.isprintable():
        email = placeholder_email(user_id)
    return Principal(user_id, email, frozenset(roles))


def placeholder_email(user_id: uuid.UUID) -> str:
    """An address for a user whose token names none; RFC 2606 reserves .invalid."""
    return f"{user_id}@users.invalid"
