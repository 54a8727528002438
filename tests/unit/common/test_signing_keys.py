"""The cached keys of an identity provider, as time passes and the provider comes and goes."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from common.errors import Unavailable
from common.signing_keys import LIFESPAN_SECONDS, REFETCH_SECONDS, RETRY_SECONDS, KeySet
from tests.fakes.clock import FakeClock
from tests.tokens import KeyServer, SigningKey

USER = uuid.uuid4()
OUTAGE_SECONDS = 5000.0
FIRST, SECOND = (SigningKey.make("EdDSA", kid) for kid in ("key-1", "key-2"))


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(FIRST) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(server: KeyServer, clock: FakeClock) -> KeySet:
    return KeySet(server.url, "EdDSA", OUTAGE_SECONDS, clock.monotonic)


def finds(keys: KeySet, signer: SigningKey) -> bool:
    """Whether the key is known. Raises Unavailable."""
    try:
        return keys.key_for(signer.sign(USER)) is not None
    except jwt.InvalidKeyError:
        return False


def test_fetched_once(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """While they are young, the keys answer for themselves."""
    for _ in range(10):
        assert finds(keys, FIRST)
        clock.sleep(LIFESPAN_SECONDS / 10)
    assert server.requests == 1


def test_rotation(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """A key published since the last look is found with its first token, and the old one goes
    on being good while it is published."""
    assert finds(keys, FIRST)
    server.publish(FIRST, SECOND)
    clock.sleep(REFETCH_SECONDS)
    assert finds(keys, SECOND) and finds(keys, FIRST)
    assert server.requests == 2


def test_unknown_keys_ask_seldom(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """However many tokens name keys that do not exist, the provider is asked at a bounded rate."""
    assert finds(keys, FIRST)
    for number in range(100):
        assert not finds(keys, SigningKey("EdDSA", f"stranger-{number}", SECOND.private))
        clock.sleep(REFETCH_SECONDS / 10)
    assert 2 <= server.requests <= 11


def test_withdrawn_key(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """A key the provider no longer publishes is refused once the cached ones have expired."""
    assert finds(keys, FIRST)
    server.publish(SECOND)
    assert finds(keys, FIRST)
    clock.sleep(LIFESPAN_SECONDS + 1)
    assert not finds(keys, FIRST)
    assert finds(keys, SECOND)


@pytest.mark.parametrize("answer", [b"<html>We will be back.</html>", b'{"keys": []}', b""])
def test_outage(keys: KeySet, server: KeyServer, clock: FakeClock, answer: bytes) -> None:
    """While the provider does not answer, known keys stay good for as long as configured; nobody
    can tell about others."""
    assert finds(keys, FIRST)
    server.answer, asked = answer, server.requests
    while clock.now <= OUTAGE_SECONDS:
        assert finds(keys, FIRST)
        with pytest.raises(Unavailable):
            clock.sleep(REFETCH_SECONDS)
            finds(keys, SECOND)
        clock.sleep(90)
    assert server.requests - asked <= 2 * OUTAGE_SECONDS / 100 + 2
    with pytest.raises(Unavailable):
        finds(keys, FIRST)


def test_end_of_an_outage(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """As soon as the provider answers, its keys count: withdrawn ones do not."""
    assert finds(keys, FIRST)
    server.answer = b"<html>"
    clock.sleep(LIFESPAN_SECONDS + 1)
    assert finds(keys, FIRST)
    server.publish(SECOND)
    clock.sleep(REFETCH_SECONDS)
    assert not finds(keys, FIRST)
    assert finds(keys, SECOND)


def test_long_outage_ends(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """Keys that have become too old do not stand in the way of new ones."""
    assert finds(keys, FIRST)
    clock.sleep(2 * OUTAGE_SECONDS)
    assert finds(keys, FIRST)
    assert server.requests == 2


def test_start_during_an_outage(keys: KeySet, server: KeyServer, clock: FakeClock) -> None:
    """Without any keys nobody gets in, and the provider is asked again soon."""
    server.answer = b"<html>"
    for _ in range(3):
        with pytest.raises(Unavailable):
            finds(keys, FIRST)
    assert server.requests == 1
    server.publish(FIRST)
    clock.sleep(RETRY_SECONDS)
    assert finds(keys, FIRST)


def test_nobody_waits_for_a_slow_provider(
    keys: KeySet, server: KeyServer, clock: FakeClock,
) -> None:
    """While one token waits for the provider to answer, those of known keys go on being good."""
    assert finds(keys, FIRST)
    clock.sleep(LIFESPAN_SECONDS + 1)
    asked, answers = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        answers.wait(10)

    server.before_answer = hold
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(finds, keys, FIRST)
        assert asked.wait(10)
        assert finds(keys, FIRST)
        assert not waiting.done()
        answers.set()
        assert waiting.result()


def test_address_that_cannot_be() -> None:
    """Keys are fetched from web servers, and from nowhere else."""
    with pytest.raises(ValueError, match="file"):
        KeySet("file:///etc/keys.json", "EdDSA", OUTAGE_SECONDS)
