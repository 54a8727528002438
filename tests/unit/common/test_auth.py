"""Bearer tokens with a shared secret: what is accepted, and every forgery that is not."""
from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from common.auth import Authenticator, Principal, placeholder_email, user_id_of
from common.errors import Forbidden, InvalidValue, Unauthenticated
from tests import tokens
from tests.environments import settings
from tests.tokens import AUDIENCE, ISSUER, SECRET, SigningKey

USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")


@pytest.fixture(scope="module")
def authenticator() -> Authenticator:
    return Authenticator(settings())


@pytest.fixture(scope="module")
def rsa_key() -> SigningKey:
    return SigningKey.make("RS256", "key-1")


def refusal(authenticator: Authenticator, token: str) -> str:
    """The words with which a token is refused."""
    with pytest.raises(Unauthenticated) as caught:
        authenticator.authenticate(f"Bearer {token}")
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_good_token(authenticator: Authenticator, scheme: str) -> None:
    """A good token names its user, its address and its roles; the scheme's case is free."""
    token = tokens.hs256(USER, email="ada@example.org", roles=["admin", "auditor"])
    principal = authenticator.authenticate(f"{scheme} {token}")
    assert principal == Principal(USER, "ada@example.org", frozenset({"admin", "auditor"}))
    assert principal.is_admin


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", tokens.hs256(USER)])
def test_no_bearer_token(authenticator: Authenticator, header: str | None) -> None:
    """Without a bearer token the answer says how to send one."""
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        authenticator.authenticate(header)


@pytest.mark.parametrize("changes", [
    {"nbf": 4102444800}, {"iat": 4102444800}, {"iss": "https://evil.example"}, {"aud": "other"},
    {"iss": None}, {"aud": None}, {"exp": None}, {"sub": None}, {"sub": 7}, {"sub": ["a"]},
    {"iss": [ISSUER]}, {"exp": "tomorrow"}, {"aud": []}, {"aud": {"imgclass": 1}},
    {"iat": None}, {"iat": "today"}, {"nbf": "today"},
], ids=ascii)
def test_unacceptable_claims(authenticator: Authenticator, changes: dict[str, Any]) -> None:
    """A claim that is missing, wrong or of the wrong type is refused without details."""
    payload = {**tokens.claims(USER), **changes}
    payload = {name: value for name, value in payload.items() if value is not None}
    token = jwt.PyJWS().encode(tokens.json_bytes(payload), SECRET, "HS256")
    assert refusal(authenticator, token) == "The token is not valid here."


@pytest.mark.parametrize("subject", ["", "\ud800"], ids=ascii)
def test_unusable_subject(authenticator: Authenticator, subject: str) -> None:
    """A subject that names nobody is refused: all such tokens would share one user's data."""
    payload = tokens.json_bytes(tokens.claims(USER, sub=subject))
    refusal(authenticator, jwt.PyJWS().encode(payload, SECRET, "HS256"))


def test_audience_may_be_one_of_several(authenticator: Authenticator) -> None:
    """A token for several services is good for this one."""
    token = tokens.hs256(USER, aud=["other", AUDIENCE])
    assert authenticator.authenticate(f"Bearer {token}").user_id == USER


def test_expired_token_says_so(authenticator: Authenticator) -> None:
    """An expired token is told apart, so that a client knows to get a new one."""
    token = tokens.hs256(USER, exp=int(time.time()) - 60)
    assert refusal(authenticator, token) == "The token has expired."


def test_token_is_verified_once(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was verified is remembered, until it expires; what was refused is looked at again."""
    expires_at = int(time.time()) + 600
    token = tokens.hs256(USER, exp=expires_at)
    early = tokens.hs256(USER, nbf=expires_at, exp=expires_at)
    first = authenticator.authenticate(f"Bearer {token}")
    refusal(authenticator, early)
    verified: list[str] = []
    monkeypatch.setattr(
        jwt, "decode_complete", lambda token, *_, **__: verified.append(token) or refuse())
    assert authenticator.authenticate(f"Bearer {token}") == first
    refusal(authenticator, early)
    refusal(authenticator, f"{token[:-4]}AAAA")
    assert verified == [early, f"{token[:-4]}AAAA"]
    monkeypatch.setattr(time, "time", lambda: expires_at + 31.0)
    assert refusal(authenticator, token) == "The token has expired."


def refuse() -> None:
    raise jwt.InvalidTokenError


def test_clock_skew_is_tolerated(authenticator: Authenticator) -> None:
    """Within the leeway a token that has just expired, or is not valid yet, is accepted."""
    now = int(time.time())
    token = tokens.hs256(USER, exp=now - 20, nbf=now + 20, iat=now + 20)
    assert authenticator.authenticate(f"Bearer {token}").user_id == USER
    strict = Authenticator(settings(JWT_LEEWAY_SECONDS="0"))
    assert refusal(strict, tokens.hs256(USER, exp=now - 20)) == "The token has expired."


def test_wrong_secret(authenticator: Authenticator) -> None:
    """A token signed with another secret is refused."""
    refusal(authenticator, tokens.hs256(USER, secret="another secret of more than 32 bytes"))


def test_changed_payload(authenticator: Authenticator) -> None:
    """A token whose claims were changed after signing is refused."""
    header, _, signature = tokens.hs256(USER).split(".")
    forged = tokens.hs256(USER, secret="x" * 32, roles=["admin"]).split(".")[1]
    refusal(authenticator, f"{header}.{forged}.{signature}")


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", "HS384", "HS512", None])
def test_algorithm_is_pinned(authenticator: Authenticator, name: str | None) -> None:
    """A token that names another algorithm, or none, is refused however it is signed."""
    if name in ("HS384", "HS512"):
        token = jwt.encode(tokens.claims(USER), SECRET * 2, algorithm=name)
    else:
        token = tokens.raw({"alg": name, "typ": "JWT"}, tokens.claims(USER))
    refusal(authenticator, token)
    refusal(authenticator, tokens.unsigned(USER))


def test_public_key_is_no_shared_secret(rsa_key: SigningKey) -> None:
    """Where the secret is the PEM of a public key, an RS256 token of that key is refused."""
    pem = rsa_key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    refusal(Authenticator(settings(JWT_SECRET="x" * 32)), rsa_key.sign(USER))
    refusal(Authenticator(settings(JWT_SECRET=pem)), rsa_key.sign(USER))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u"])
def test_keys_in_the_header_are_ignored(
    authenticator: Authenticator, rsa_key: SigningKey, member: str,
) -> None:
    """A token that brings its own key, or the address of one, is refused and fetches nothing."""
    with tokens.KeyServer(rsa_key) as server:
        value = rsa_key.jwk() if member == "jwk" else server.url
        refusal(authenticator, rsa_key.sign(USER, headers={member: value}))
        assert server.requests == 0


def test_unknown_critical_header(authenticator: Authenticator) -> None:
    """A token that demands an extension nobody here knows is refused (RFC 7515 §4.1.11)."""
    token = jwt.encode(tokens.claims(USER), SECRET, "HS256", {"crit": ["x"], "x": 1})
    refusal(authenticator, token)


@pytest.mark.parametrize("kind", [
    None, "JWT", "jwt", "at+jwt", "application/at+jwt", "application/JWT"])
def test_types_of_tokens(authenticator: Authenticator, kind: str | None) -> None:
    """Tokens that grant access say so in one of several ways, or say nothing."""
    token = jwt.encode(tokens.claims(USER), SECRET, "HS256", {"typ": kind})
    assert authenticator.authenticate(f"Bearer {token}").user_id == USER


@pytest.mark.parametrize("kind", [
    "", "logout+jwt", "dpop+jwt", "secevent+jwt", "JWE", "id+jwt", "JWT ", 7, {}, ["JWT"], True])
def test_tokens_for_other_ends(authenticator: Authenticator, kind: object) -> None:
    """A token of the same issuer that was made for something else grants nothing."""
    refusal(authenticator, tokens.hmac_signed(
        {"alg": "HS256", "typ": kind}, tokens.claims(USER), SECRET.encode()))


GARBAGE = [
    "a", "a.b", "a.b.c", "a.b.c.d", "....", "ä.ö.ü", "\0.\0.\0", "é" * 100, "e30.e30.e30",
    tokens.raw(b"\xff\xfe", {}), tokens.raw([], {}), tokens.raw({"alg": ["HS256"]}, {}),
    tokens.raw({"alg": {}}, {}), tokens.raw({"alg": "HS256", "kid": 7}, {}),
    tokens.raw(b'{"alg":' + b"[" * 5000, {}), tokens.raw(b"[" * 5000 + b"]" * 5000, {}),
    tokens.raw(b'{"alg":' + b'{"a":' * 1000 + b"1" + b"}" * 1001, {}),
]


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage(authenticator: Authenticator, token: str) -> None:
    """Bytes that only look like a token, however deep, are refused like any bad token."""
    refusal(authenticator, token)


def test_long_token_is_not_parsed(authenticator: Authenticator) -> None:
    """100 kB of token are refused for their length, even if well signed."""
    token = tokens.hs256(USER, padding="x" * 100_000)
    assert refusal(authenticator, token) == "The token is too long."


@pytest.mark.parametrize("roles", ["admin", {"admin": True}, ["admin", 1], [["admin"]], 1, True])
def test_malformed_roles(authenticator: Authenticator, roles: object) -> None:
    """Roles that are not a list of strings make nobody an administrator: they are refused."""
    assert "roles" in refusal(authenticator, tokens.hs256(USER, roles=roles))


@pytest.mark.parametrize("roles", [None, [], ["user"], ["Admin"], ["administrator"]])
def test_no_administrator(authenticator: Authenticator, roles: list[str] | None) -> None:
    """Only the role admin, as written, makes an administrator; no roles at all are fine."""
    token = tokens.hs256(USER, roles=roles)
    principal = authenticator.authenticate(f"Bearer {token}")
    assert not principal.is_admin
    with pytest.raises(Forbidden, match="admin"):
        principal.require_admin()


@pytest.mark.parametrize(("path", "claims"), [
    ("roles", {"roles": ["admin"]}),
    ("realm_access.roles", {"realm_access": {"roles": ["offline_access", "admin"]}}),
    ("a.b.c", {"a": {"b": {"c": ["admin"]}}}),
    ("https://imgclass.example/roles", {"https://imgclass.example/roles": ["admin"]}),
    ("a.b", {"a.b": ["admin"], "a": {"b": []}}),
])
def test_claim_of_roles(path: str, claims: dict[str, Any]) -> None:
    """Roles are read where the deployment says its provider puts them, and nowhere else."""
    token = f"Bearer {tokens.hs256(USER, **{'roles': ['user'], **claims})}"
    assert Authenticator(settings(JWT_ROLES_CLAIM=path)).authenticate(token).is_admin
    elsewhere = Authenticator(settings(JWT_ROLES_CLAIM="groups")).authenticate(token)
    assert elsewhere.roles == frozenset()


@pytest.mark.parametrize("claims", [{}, {"realm_access": {}}, {"realm_access": {"roles": []}}])
def test_no_claim_of_roles(claims: dict[str, Any]) -> None:
    """A token without the claim belongs to a user without roles."""
    authenticator = Authenticator(settings(JWT_ROLES_CLAIM="realm_access.roles"))
    token = tokens.hs256(USER, roles=["admin"], **claims)
    assert authenticator.authenticate(f"Bearer {token}").roles == frozenset()


@pytest.mark.parametrize("value", [
    "admin", ["admin"], {"roles": "admin"}, {"roles": {"admin": 1}}, {"roles": [["admin"]]}, 0])
def test_malformed_claim_of_roles(value: object) -> None:
    """A claim of another shape than the deployment says makes nobody an administrator."""
    authenticator = Authenticator(settings(JWT_ROLES_CLAIM="realm_access.roles"))
    token = tokens.hs256(USER, realm_access=value)
    assert "realm_access.roles" in refusal(authenticator, token)


def test_names_of_roles() -> None:
    """Where the provider's names for our roles are configured, only these count."""
    authenticator = Authenticator(settings(
        JWT_ADMIN_ROLE="imgclass-admin", JWT_SERVICE_ROLE="imgclass-service"))
    for claimed, roles in (
            (["imgclass-admin", "x"], {"imgclass-admin", "admin", "x"}),
            (["imgclass-service"], {"imgclass-service", "service"}),
            (["admin", "service", "x"], {"x"})):
        token = tokens.hs256(USER, roles=claimed)
        assert authenticator.authenticate(f"Bearer {token}").roles == roles


def service_token(**changes: Any) -> str:
    """The Authorization header of a service."""
    return f"Bearer {tokens.hs256('billing', **{'roles': ['service', 'admin'], **changes})}"


@pytest.mark.parametrize("subject", [str(USER), "auth0|42", "x" * 255])
def test_service_acts_for_a_user(authenticator: Authenticator, subject: str) -> None:
    """A service becomes the user it names, without any role of its own or of the user's."""
    principal = authenticator.authenticate(service_token(), subject)
    assert principal == Principal(
        user_id_of(ISSUER, subject), None, frozenset(), service=user_id_of(ISSUER, "billing"))


def test_service_for_itself(authenticator: Authenticator) -> None:
    """A service that names nobody is a user like others."""
    principal = authenticator.authenticate(service_token(roles=["service"]))
    assert principal.user_id == user_id_of(ISSUER, "billing")
    assert principal.service is None and not principal.is_admin


@pytest.mark.parametrize("roles", [None, [], ["admin"], ["Service"], ["user"]])
def test_others_act_for_nobody(authenticator: Authenticator, roles: list[str] | None) -> None:
    """Without the role service nobody acts for another user, not even for themselves."""
    for subject in (str(USER), "billing"):
        with pytest.raises(Forbidden, match="service"):
            authenticator.authenticate(service_token(roles=roles), subject)


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\nb", "a\0", "\ud800"], ids=ascii)
def test_user_that_cannot_be(authenticator: Authenticator, subject: str) -> None:
    """A service that names nobody who could exist is told so."""
    with pytest.raises(InvalidValue, match="X-On-Behalf-Of"):
        authenticator.authenticate(service_token(), subject)


def test_bad_token_acts_for_nobody(authenticator: Authenticator) -> None:
    """The header changes nothing about a token that is no good."""
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(service_token(exp=1), str(USER))


def test_administrator_may(authenticator: Authenticator) -> None:
    """An administrator passes the check for administrators."""
    authenticator.authenticate(f"Bearer {tokens.hs256(USER, roles=['admin'])}").require_admin()


@pytest.mark.parametrize("email", [
    None, "", 7, ["a@b.example"], "a" * 244 + "@example.org", "a\0@example.org",
    "\ud800@example.org"], ids=lambda email: ascii(email)[:30])
def test_unusable_email(authenticator: Authenticator, email: object) -> None:
    """An address that cannot be stored is like none."""
    payload = tokens.claims(USER, email=email)
    token = jwt.PyJWS().encode(tokens.json_bytes(payload), SECRET, "HS256")
    principal = authenticator.authenticate(f"Bearer {token}")
    assert principal.email is None


def test_placeholder_email() -> None:
    """The address of a user without one is nobody else's."""
    assert placeholder_email(USER) == f"{USER}@users.invalid"


def test_longest_email(authenticator: Authenticator) -> None:
    """255 characters, the column's width, are kept."""
    email = "a" * 243 + "@example.org"
    assert authenticator.authenticate(f"Bearer {tokens.hs256(USER, email=email)}").email == email


def test_subject_that_is_a_uuid_is_the_user() -> None:
    """Such a subject is taken as it is, whoever issued it and in whichever case."""
    assert user_id_of(ISSUER, str(USER)) == user_id_of("other", str(USER).upper()) == USER


def test_other_subjects_map_to_stable_uuids() -> None:
    """The mapping is the one written down in the design: stored user ids depend on it."""
    assert user_id_of(ISSUER, "auth0|42") == uuid.UUID("55dd76e9-b193-577e-8fcd-5fba61a72a8f")
    assert user_id_of("https://other.example", "auth0|42") != user_id_of(ISSUER, "auth0|42")
    assert user_id_of(ISSUER, "auth0|43") != user_id_of(ISSUER, "auth0|42")


def test_other_subjects_authenticate(authenticator: Authenticator) -> None:
    """A token with such a subject always names the same user."""
    principal = authenticator.authenticate(f"Bearer {tokens.hs256('auth0|42')}")
    assert principal.user_id == user_id_of(ISSUER, "auth0|42")
