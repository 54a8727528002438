"""The keys that tokens must be signed with."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import jwt

from common.errors import Unavailable

LIFESPAN_SECONDS = 600.0
# How seldom the provider is asked, whoever asks for what: with keys at hand, and without any.
REFETCH_SECONDS, RETRY_SECONDS = 10.0, 1.0
TIMEOUT_SECONDS = 3.0
PATIENCE_SECONDS = 1.0

log = logging.getLogger(__name__)


class SigningKeys(Protocol):
    """Finds the key a token must be signed with."""

    def key_for(self, token: str) -> Any:
        """The key. Raises a PyJWTError for a token that names none, and Unavailable."""


class SharedSecret:
    """One HS256 secret for every token."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def key_for(self, token: str) -> str:
        return self._secret


class KeySet:
    """The identity provider's published keys (JWKS) for one algorithm, looked up by `kid`.

    Keys older than LIFESPAN_SECONDS are fetched anew, so that a withdrawn one is refused from
    then on, and so are those among which a token's key is not: the provider may have published
    it since. But the provider is never asked twice within REFETCH_SECONDS, however many tokens
    name keys that do not exist. While it does not answer, the last keys are trusted until they
    are `outage_seconds` old.
    """

    def __init__(
        self,
        url: str,
        algorithm: str,
        outage_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError for a `url` that is none of http or https."""
        try:
            self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT_SECONDS)
        except jwt.PyJWKClientError as error:
            raise ValueError(str(error)) from None
        self._algorithm = algorithm
        self._outage_seconds = max(outage_seconds, LIFESPAN_SECONDS)
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._asked_at = -float("inf")
        self._fetching = threading.Lock()

    def key_for(self, token: str) -> Any:
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise jwt.InvalidKeyError("The token names no key.")
        age = self._age()
        if kid not in self._keys or age > self._outage_seconds:
            self._refresh(wait=True)
        elif age > LIFESPAN_SECONDS:
            self._refresh(wait=False)
        if self._age() > self._outage_seconds:
            raise Unavailable("The identity provider's keys cannot be fetched.")
        key = self._keys.get(kid)
        if key is not None:
            return key
        if self._asked_at > self._fetched_at:  # it may be a good one that was published since
            raise Unavailable("The identity provider's keys cannot be fetched.")
        raise jwt.InvalidKeyError("Nobody published the key the token names.")

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _refresh(self, wait: bool) -> None:
        """Ask the provider, if it is time to; others do not, but may wait for the answer."""
        if not self._fetching.acquire(timeout=PATIENCE_SECONDS if wait else 0):
            return
        try:
            pause = REFETCH_SECONDS if self._keys else RETRY_SECONDS
            if self._clock() - self._asked_at >= pause:
                self._fetch()
        finally:
            self._fetching.release()

    def _fetch(self) -> None:
        # The clock of the answer is that of the question: until then keys may be withdrawn.
        asked_at = self._asked_at = self._clock()
        try:
            published = self._client.get_signing_keys()
        except (jwt.PyJWTError, ValueError, OSError) as error:  # no keys, no JSON, no answer
            log.warning("the identity provider's keys cannot be fetched", exc_info=error)
            return
        keys = {key.key_id: key for key in published
                if key.key_id and key.algorithm_name == self._algorithm}
        if not keys:
            log.warning("the identity provider has no key for %s", self._algorithm)
            return
        self._keys, self._fetched_at = keys, asked_at
