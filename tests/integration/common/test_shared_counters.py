"""Counters in a real Valkey or Redis, and while there is none."""
from __future__ import annotations

import logging
import signal
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from common.counters import RETRY_SECONDS, Counters, SharedCounters
from common.rate_limits import RateLimits
from imgclass.embedded.ports import free_port
from tests import tokens
from tests.contracts.counters import CountersContract
from tests.environments import settings
from tests.fakes.clock import FakeClock
from tests.integration.common.valkey import Valkey, without_valkey
from tests.probe import create_probe


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    running = Valkey()
    running.start()
    yield running
    running.stop()


@without_valkey
class TestSharedCounters(CountersContract):
    """SharedCounters and the server they are made for."""

    @pytest.fixture
    def counters(self, server: Valkey) -> Counters:
        return SharedCounters(server.url)

    @pytest.fixture
    def sleep(self) -> Callable[[float], None]:
        return time.sleep

    def test_processes_count_together(self, server: Valkey, key: str) -> None:
        """What one counts, the others know."""
        several = [SharedCounters(server.url) for _ in range(3)]
        assert [each.count(key, 60)[0] for _ in range(2) for each in several] == [*range(1, 7)]

    def test_every_key_ends(self, server: Valkey, counters: Counters, key: str) -> None:
        """Nothing stays in the server for ever."""
        for _ in range(3):
            counters.count(key, 50)
        with Redis.from_url(server.url) as client:
            assert 0 < client.ttl(key) <= 50


@without_valkey
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["paused", "killed"])
def test_outage(number: int, caplog: pytest.LogCaptureFixture) -> None:
    """While the server does not answer, each process counts by itself and says so once; asked
    again after a while, the server counts on."""
    server, clock, key = Valkey(), FakeClock(), f"test:{uuid.uuid4()}"
    counters = SharedCounters(server.url, clock.monotonic)
    try:
        server.start()
        assert [counters.count(key, 600)[0] for _ in range(3)] == [1, 2, 3]
        server.send(number)
        with caplog.at_level(logging.WARNING, "common.counters"):
            assert [counters.count(key, 600)[0] for _ in range(20)] == list(range(1, 21))
        assert len(caplog.records) == 1
        if number == signal.SIGSTOP:
            server.send(signal.SIGCONT)
            counted = 3
        else:
            server.stop()
            server.start()
            counted = 0
        clock.sleep(RETRY_SECONDS)
        # A command sent before the pause may have been carried out after it.
        assert counters.count(key, 600)[0] in (counted + 1, counted + 2)
    finally:
        server.stop()


def test_requests_without_a_server() -> None:
    """A server that was never there fails no request, and budgets hold all the same."""
    limits = RateLimits(settings(
        RATE_LIMIT_STORAGE_URL=f"redis://127.0.0.1:{free_port()}/0", RATE_LIMIT_READ="3/minute"),
        "read", "predict")
    client = create_probe(limits=limits).test_client()
    headers = tokens.bearer("user")
    answers = [client.get("/me/x", headers=headers).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
