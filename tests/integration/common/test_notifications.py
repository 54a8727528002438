"""Waiting for a notification of a real PostgreSQL."""
from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from common.config import Settings
from common.db import Database
from common.notifications import Listener
from tests.databases import query, temporary_database
from tests.environments import settings

LONG = 20.0
CHANNEL = "imgclass_rollout"


@pytest.fixture(scope="module")
def server(servers: Settings) -> Iterator[Settings]:
    with temporary_database(servers) as own:
        yield own


@pytest.fixture
def listener(server: Settings) -> Iterator[Listener]:
    """A listener that is connected already."""
    made = Listener(Database(server, size=1), CHANNEL)
    made.wait(0)
    yield made
    made.close()


def notify(server: Settings, channel: str = CHANNEL) -> None:
    query(server, "SELECT pg_notify(%s, '')", channel)


def waited(listener: Listener, seconds: float) -> float:
    """How long the listener waited."""
    started = time.monotonic()
    listener.wait(seconds)
    return time.monotonic() - started


def test_nothing_happens(listener: Listener, server: Settings) -> None:
    """Without a notification, or with one of another channel, it waits as long as it was told."""
    notify(server, "another_channel")
    assert 0.2 <= waited(listener, 0.2) < LONG / 2


def test_notification_ends_the_wait(listener: Listener, server: Settings) -> None:
    """A notification wakes it at once."""
    timer = threading.Timer(0.1, notify, [server])
    timer.start()
    assert waited(listener, LONG) < LONG / 2
    timer.join()


def test_notification_between_two_waits(listener: Listener, server: Settings) -> None:
    """What was notified while nobody waited is not lost, and wakes once."""
    notify(server)
    assert waited(listener, LONG) < LONG / 2
    assert waited(listener, 0.2) >= 0.2


def test_lost_connection(listener: Listener, server: Settings) -> None:
    """After its connection was cut it connects again and listens on."""
    query(server, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                  "WHERE datname = current_database() AND pid <> pg_backend_pid()")
    assert waited(listener, 0.2) >= 0.2
    listener.wait(0)
    notify(server)
    assert waited(listener, LONG) < LONG / 2


def test_unreachable_server() -> None:
    """While there is no server it waits just as long: nobody spins."""
    listener = Listener(Database(settings(), size=1), CHANNEL)
    assert 0.2 <= waited(listener, 0.2) < LONG / 2


def test_wrong_password(server: Settings) -> None:
    """The same if the server does not let it in."""
    listener = Listener(Database(replace(server, postgres_password="wrong"), size=1), CHANNEL)
    assert 0.2 <= waited(listener, 0.2) < LONG / 2


def test_many_open_files(server: Settings) -> None:
    """A process that holds more than a thousand connections of clients can still listen."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("this machine allows no more than 1200 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    listener = Listener(Database(server, size=1), CHANNEL)
    try:
        listener.wait(0)
        notify(server)
        assert waited(listener, LONG) < LONG / 2
    finally:
        listener.close()
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
