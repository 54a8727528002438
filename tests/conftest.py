"""Servers that all tests share; each is started when the first test asks for it."""
from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.webhook import Webhook
from tests import container_servers, servers
from tests.event_receiver import EventReceiver
from tests.summaries import write_tables

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.workers import SharesByServer


# Triton's client is made of gevent, whose threads now and then resolve an address without anybody
# hearing of it; an address of numbers needs none of them.
os.environ.setdefault("GEVENT_RESOLVER", "block")


def pytest_configure(config: pytest.Config) -> None:
    """Being told to stop ends the run as Ctrl-C does: with every server stopped."""
    signals = [signal.SIGTERM, signal.SIGHUP]
    if hasattr(config, "workerinput"):
        signals.append(signal.SIGINT)  # with which xdist ends a worker

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in signals:  # a second one must not end the stopping of servers
            signal.signal(each, lambda number, frame: None)
        raise KeyboardInterrupt

    for each in signals:
        signal.signal(each, interrupt)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharesByServer:
    """Workers, where there are some, share the tests so that each server is started by few."""
    from tests.workers import SharesByServer

    return SharesByServer(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """A worker can send every report."""
    from tests.workers import sendable

    return sendable((yield))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have to tell of a run that went well."""
    write_tables(terminalreporter)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings that lead to a running PostgreSQL, in a container where Docker answers."""
    if container_servers.can_run():
        with container_servers.postgres_container() as settings:
            yield settings
        return
    layout = servers.prepared(tmp_path_factory.mktemp("postgres"))
    with servers.postgres_server(layout) as server:
        yield servers.postgres_settings(server)


@pytest.fixture(scope="session")
def receiver() -> Iterator[EventReceiver]:
    """Whom the object stores tell of uploads."""
    with EventReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def seaweedfs(
    tmp_path_factory: pytest.TempPathFactory, receiver: EventReceiver
) -> Iterator[ObjectStore]:
    """A running SeaweedFS, set up for the functions."""
    layout = servers.prepared(tmp_path_factory.mktemp("seaweedfs"))
    with servers.started(
            servers.object_store(layout, "seaweedfs", Webhook(receiver.url))) as store:
        yield store


@pytest.fixture(scope="session")
def minio(
    tmp_path_factory: pytest.TempPathFactory, receiver: EventReceiver
) -> Iterator[ObjectStore]:
    """A running MinIO, set up for the functions; whoever asks for it is `without_minio`."""
    layout = servers.prepared(tmp_path_factory.mktemp("minio"))
    with servers.started(servers.object_store(layout, "minio", Webhook(receiver.url))) as store:
        yield store


@pytest.fixture(scope="session")
def object_store_server(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings that lead to a running S3 server with the two buckets: MinIO in a container
    where Docker answers, else MinIO where it is installed, else SeaweedFS."""
    if container_servers.can_run():
        with container_servers.minio_container() as settings:
            yield settings
        return
    yield servers.object_store_settings(
        request.getfixturevalue("minio" if servers.MINIO else "seaweedfs"))
