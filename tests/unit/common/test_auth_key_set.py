"""Tokens of an identity provider: keys fetched from a real key server on loopback."""
from __future__ import annotations

import uuid
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from common.auth import Authenticator
from common.errors import Unauthenticated, Unavailable
from tests import tokens
from tests.environments import settings
from tests.tokens import KeyServer, SigningKey

USER = uuid.uuid4()


@pytest.fixture(scope="module", params=["RS256", "ES256", "EdDSA"])
def key(request: pytest.FixtureRequest) -> SigningKey:
    return SigningKey.make(request.param, "key-1")


@pytest.fixture
def server(key: SigningKey) -> Iterator[KeyServer]:
    with KeyServer(key) as running:
        yield running


@pytest.fixture
def authenticator(key: SigningKey, server: KeyServer) -> Authenticator:
    return make_authenticator(key.algorithm, server.url)


def make_authenticator(algorithm: str, url: str) -> Authenticator:
    return Authenticator(settings(JWT_ALGORITHM=algorithm, JWT_JWKS_URL=url, JWT_SECRET=""))


def test_published_key(authenticator: Authenticator, key: SigningKey, server: KeyServer) -> None:
    """A token of a published key is good, and the keys are fetched once for many tokens."""
    for _ in range(3):
        assert authenticator.authenticate(f"Bearer {key.sign(USER)}").user_id == USER
    assert server.requests == 1


def test_unknown_key(authenticator: Authenticator, key: SigningKey, server: KeyServer) -> None:
    """Tokens of keys nobody published are refused and cannot make us hammer the provider."""
    authenticator.authenticate(f"Bearer {key.sign(USER)}")
    for number in range(20):
        stranger = SigningKey(key.algorithm, f"stranger-{number}", key.private)
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"Bearer {stranger.sign(USER)}")
    assert server.requests <= 2


def test_other_key_under_a_known_name(authenticator: Authenticator, key: SigningKey) -> None:
    """A token that borrows the name of a published key is refused."""
    other = SigningKey.make(key.algorithm, key.kid)
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {other.sign(USER)}")


def test_keys_for_other_ends(key: SigningKey, server: KeyServer) -> None:
    """Of the published keys only those for signatures of the pinned algorithm count."""
    others = [SigningKey.make(each, f"other-{each}") for each in ("RS256", "ES256", "EdDSA")
              if each != key.algorithm]
    secret = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "secret", "alg": "HS256"}
    sealing = {**key.jwk(), "kid": "sealing", "use": "enc"}
    server.answer = tokens.json_bytes({"keys": [
        {"kty": "unknown", "kid": "odd"}, secret, sealing, *(each.jwk() for each in others),
        key.jwk()]})
    authenticator = make_authenticator(key.algorithm, server.url)
    assert authenticator.authenticate(f"Bearer {key.sign(USER)}").user_id == USER
    for forged in (
            *(each.sign(USER) for each in others), key.sign(USER, {"kid": "sealing"}),
            tokens.hmac_signed({"alg": "HS256", "kid": "secret"}, tokens.claims(USER),
                               b"secret" * 8)):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"Bearer {forged}")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u"])
def test_keys_in_the_header_are_ignored(
    authenticator: Authenticator, key: SigningKey, member: str,
) -> None:
    """A token that brings its own key, or the address of one, is refused and fetches nothing."""
    own = SigningKey.make(key.algorithm, "key-1")
    with KeyServer(own) as evil:
        value = own.jwk() if member == "jwk" else evil.url
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"Bearer {own.sign(USER, headers={member: value})}")
        assert evil.requests == 0


def test_shared_secret_tokens_are_refused(authenticator: Authenticator, key: SigningKey) -> None:
    """HS256 with the published key as the secret is the classic confusion of algorithms."""
    public = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (public, tokens.json_bytes(key.jwk())):
        token = tokens.hmac_signed({"alg": "HS256", "kid": key.kid}, tokens.claims(USER), secret)
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"Bearer {token}")
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {tokens.unsigned(USER)}")


def test_new_key(authenticator: Authenticator, key: SigningKey, server: KeyServer) -> None:
    """A provider may publish a further key; tokens of the first stay good."""
    second = SigningKey(key.algorithm, "key-2", key.private)
    server.publish(key, second)
    for signer in (key, second):
        assert authenticator.authenticate(f"Bearer {signer.sign(USER)}").user_id == USER


def test_replaced_key(
    authenticator: Authenticator, key: SigningKey, server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token that was good is refused once its key is another."""
    token = key.sign(USER)
    assert authenticator.authenticate(f"Bearer {token}").user_id == USER
    server.publish(SigningKey.make(key.algorithm, key.kid))
    monkeypatch.setattr("common.signing_keys.LIFESPAN_SECONDS", 0)
    monkeypatch.setattr("common.signing_keys.REFETCH_SECONDS", 0)
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {token}")


def test_provider_down(key: SigningKey) -> None:
    """Without an answer from the provider nobody can tell good from bad: try again later."""
    authenticator = make_authenticator(key.algorithm, "http://127.0.0.1:1/keys")
    with pytest.raises(Unavailable):
        authenticator.authenticate(f"Bearer {key.sign(USER)}")


@pytest.mark.parametrize("answer", [
    b"", b"<html>", b"\xff\xfe", b"[]", b"null", b'{"keys": []}', b"{}", b'{"keys": [{}]}'])
def test_provider_talks_nonsense(key: SigningKey, server: KeyServer, answer: bytes) -> None:
    """An answer that holds no keys is the provider's fault, not the caller's."""
    authenticator = make_authenticator(key.algorithm, server.url)
    server.answer = answer
    with pytest.raises(Unavailable):
        authenticator.authenticate(f"Bearer {key.sign(USER)}")


def test_garbage_fetches_nothing(authenticator: Authenticator, server: KeyServer) -> None:
    """What is no token is refused before anything is fetched."""
    for token in ("a.b.c", tokens.raw([], {}), tokens.raw(b'{"alg":' + b"[" * 5000, {})):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(f"Bearer {token}")
    assert server.requests == 0


def test_token_without_key_name(authenticator: Authenticator, key: SigningKey) -> None:
    """A token must say which key signed it."""
    token = jwt.encode(tokens.claims(USER), key.private, key.algorithm)
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {token}")


@pytest.mark.parametrize("kid", [["key-1"], {"a": 1}, 7, ""], ids=str)
def test_malformed_key_name(authenticator: Authenticator, key: SigningKey, kid: object) -> None:
    """A key's name that is no string is refused like any bad token."""
    header, payload, signature = key.sign(USER).split(".")
    forged = tokens.raw({"alg": key.algorithm, "kid": kid}, {}).split(".")[0]
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(f"Bearer {forged}.{payload}.{signature}")
