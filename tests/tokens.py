"""Bearer tokens of every kind, good and forged, and a key server as identity providers run one."""
from __future__ import annotations

import base64
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "a secret of the tests, longer than 32 bytes"
ISSUER = "https://issuer.example"
AUDIENCE = "imgclass"


def claims(subject: str | uuid.UUID, **changes: Any) -> dict[str, Any]:
    """The claims of a good token, with `changes`; a change to None leaves the claim out."""
    now = int(time.time())
    good = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(subject), "iat": now, "exp": now + 600,
        "email": "ada@example.org", "roles": [],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def hs256(subject: str | uuid.UUID, secret: str = SECRET, **changes: Any) -> str:
    """A token signed with a shared secret."""
    return jwt.encode(claims(subject, **changes), secret, algorithm="HS256")


def bearer(subject: str | uuid.UUID, **changes: Any) -> dict[str, str]:
    """The header of a request with a good token."""
    return {"Authorization": f"Bearer {hs256(subject, **changes)}"}


def json_bytes(document: object) -> bytes:
    """JSON in ASCII: even what no text may contain, such as half a surrogate pair."""
    return json.dumps(document).encode()


def raw(header: object, payload: object) -> str:
    """A token of arbitrary parts, without a signature; a part given as bytes is taken as it is."""
    parts = [
        part if isinstance(part, bytes) else json_bytes(part) for part in (header, payload)]
    return ".".join(_base64url(part) for part in (*parts, b""))


def hmac_signed(header: object, payload: object, secret: bytes) -> str:
    """A token signed with HS256 and any secret, even one a careful library would not take."""
    signed = raw(header, payload).rpartition(".")[0]
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{_base64url(signature)}"


def unsigned(subject: str | uuid.UUID) -> str:
    """A token of the algorithm none (RFC 7519 §6)."""
    return raw({"alg": "none", "typ": "JWT"}, claims(subject))


@dataclass(frozen=True)
class SigningKey:
    """A key pair of an identity provider."""

    algorithm: str
    kid: str
    private: Any

    @classmethod
    def make(cls, algorithm: str, kid: str) -> SigningKey:
        """A new key pair for RS256, ES256 or EdDSA."""
        if algorithm == "RS256":
            return cls(algorithm, kid, rsa.generate_private_key(65537, key_size=2048))
        if algorithm == "ES256":
            return cls(algorithm, kid, ec.generate_private_key(ec.SECP256R1()))
        return cls(algorithm, kid, ed25519.Ed25519PrivateKey.generate())

    def sign(
        self, subject: str | uuid.UUID, headers: dict[str, Any] | None = None, **changes: Any,
    ) -> str:
        """A token of this key; `headers` are added to its kid."""
        return jwt.encode(claims(subject, **changes), self.private, self.algorithm,
                          {"kid": self.kid, **(headers or {})})

    def jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 7517)."""
        algorithms = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        public: dict[str, Any] = json.loads(
            algorithms[self.algorithm].to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


class KeyServer:
    """An identity provider's JWKS endpoint on loopback; `answer` is what it says, as is.

    `before_answer` is called before each answer.
    """

    def __init__(self, *keys: SigningKey) -> None:
        self.publish(*keys)
        self.requests = 0
        self.before_answer: Callable[[], object] = lambda: None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                server.before_answer()
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.answer)))
                self.end_headers()
                self.wfile.write(server.answer)

            def log_message(self, *_arguments: object) -> None:
                """Nobody reads it."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._http.server_port}/keys"

    def publish(self, *keys: SigningKey) -> None:
        """Serve these keys from now on."""
        self.answer = json.dumps({"keys": [key.jwk() for key in keys]}).encode()

    def __enter__(self) -> KeyServer:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
