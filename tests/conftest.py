"""Servers that all tests share; each is started when the first test asks for it."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from tests import servers


def pytest_configure() -> None:
    """Being told to stop ends the run as Ctrl-C does: with every server stopped."""
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings that lead to a running PostgreSQL."""
    layout = servers.prepared(tmp_path_factory.mktemp("postgres"))
    with servers.postgres_server(layout) as server:
        yield servers.postgres_settings(server)


@pytest.fixture(scope="session")
def object_store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings that lead to a running S3 server with the two buckets."""
    layout = servers.prepared(tmp_path_factory.mktemp("s3"))
    with servers.object_store(layout) as server:
        yield servers.object_store_settings(server)
