"""Bearer tokens to principals."""
from __future__ import annotations

import hmac
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from common.config import Settings
from common.errors import Forbidden, InvalidValue, Unauthenticated
from common.signing_keys import KeySet, SharedSecret, SigningKeys

MAX_TOKEN_CHARACTERS = 8192
MAX_SUBJECT_CHARACTERS = 255
# A user sends the same token with every request until it expires.
MAX_REMEMBERED_TOKENS = 512
# Media types of tokens that grant access (RFC 7519 §5.1, RFC 9068 §2.1), and none at all: some
# providers name none. Tokens for other ends, such as "logout+jwt", are refused.
TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
ADMIN, SERVICE = "admin", "service"


@dataclass(frozen=True)
class Principal:
    """Who is calling: `user_id` owns what is stored, `roles` may contain ADMIN and SERVICE.

    `email` is None where the token names none. `service` is who really calls, if that is a
    service on the user's behalf.
    """

    user_id: uuid.UUID
    email: str | None
    roles: frozenset[str]
    service: uuid.UUID | None = None

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def require_admin(self) -> None:
        """Raises Forbidden unless the caller is an administrator."""
        if not self.is_admin:
            raise Forbidden("This needs a token with the role admin.")


class Authenticator:
    """Verifies tokens with one pinned algorithm; `alg`, `jku`, `jwk` and `x5u` never choose."""

    def __init__(self, settings: Settings) -> None:
        self._algorithm = settings.jwt_algorithm
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._leeway = settings.jwt_leeway_seconds
        self._roles_claim = settings.jwt_roles_claim
        self._role_names = {ADMIN: settings.jwt_admin_role, SERVICE: settings.jwt_service_role}
        self._keys: SigningKeys = (
            SharedSecret(settings.jwt_secret) if settings.jwt_algorithm == "HS256"
            else KeySet(settings.jwt_jwks_url, settings.jwt_algorithm,
                        settings.jwt_outage_seconds))
        # What is refused is not remembered.
        self._verified = lru_cache(MAX_REMEMBERED_TOKENS)(self._verify)

    def authenticate(
        self, authorization: str | None, on_behalf_of: str | None = None
    ) -> Principal:
        """Turn an Authorization header into a Principal.

        With `on_behalf_of`, the subject of another user, a service becomes that user; it gets
        none of the user's roles.

        Raises Unauthenticated with the reason, Forbidden when the token may not act for others,
        or Unavailable when no key can be fetched.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send a token: Authorization: Bearer <JWT>.")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("The token is too long.")
        try:
            caller, expires_at = self._verified(token, self._keys.key_for(token))
            if expires_at <= time.time() - self._leeway:
                raise jwt.ExpiredSignatureError
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The token has expired.") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("The token is not valid here.") from error
        return caller if on_behalf_of is None else self._represented(caller, on_behalf_of)

    def _verify(self, token: str, key: Any) -> tuple[Principal, int]:
        """Who a token speaks for, and when it expires, in seconds since the epoch."""
        verified = jwt.decode_complete(
            token,
            key,
            algorithms=[self._algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
        if not _grants_access(verified["header"]):
            raise Unauthenticated("The token is of a type that grants no access.")
        return self._principal(verified["payload"]), int(verified["payload"]["exp"])

    def _principal(self, claims: dict[str, Any]) -> Principal:
        try:
            user_id = user_id_of(self._issuer, claims["sub"])
        except ValueError as error:
            raise Unauthenticated("The token's subject is not usable.") from error
        email = claims.get("email")
        if not isinstance(email, str) or not 0 < len(email) <= 255 or not email.isprintable():
            email = None
        return Principal(user_id, email, self._roles(claims))

    def _roles(self, claims: dict[str, Any]) -> frozenset[str]:
        """The token's roles, with the provider's names for ours translated."""
        claimed = _claim(claims, self._roles_claim)
        if not isinstance(claimed, list) or not all(isinstance(role, str) for role in claimed):
            raise Unauthenticated(
                f"The token's claim {self._roles_claim} must be a list of strings.")
        ours = {role for role, name in self._role_names.items() if name in claimed}
        return frozenset({*claimed} - {ADMIN, SERVICE} | ours)

    def _represented(self, caller: Principal, subject: str) -> Principal:
        if SERVICE not in caller.roles:
            raise Forbidden("X-On-Behalf-Of needs a token with the role service.")
        try:
            if len(subject) > MAX_SUBJECT_CHARACTERS or not subject.isprintable():
                raise ValueError("no subject")
            user_id = user_id_of(self._issuer, subject)
        except ValueError:
            raise InvalidValue("X-On-Behalf-Of must be the subject of a user.") from None
        return Principal(user_id, None, frozenset(), service=caller.user_id)


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


def _grants_access(header: dict[str, Any]) -> bool:
    kind = header.get("typ")
    return kind is None or isinstance(kind, str) and kind.lower() in TYPES


def _claim(claims: dict[str, Any], path: str) -> Any:
    """A claim of this very name, or the one a dotted path leads to: [] if there is none, and
    None if the path leads through what is no object."""
    if path in claims:  # the names of custom claims are URLs at some providers
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        if name not in found:
            return []
        found = found[name]
    return found


def placeholder_email(user_id: uuid.UUID) -> str:
    """An address for a user whose token names none; RFC 2606 reserves .invalid."""
    return f"{user_id}@users.invalid"
