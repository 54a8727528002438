"""Events from the table to receivers, by predict as it is served, and as it is killed."""
from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook

from common.config import Settings
from tests.databases import environment_of, query
from tests.function_process import ROOT, FunctionProcess
from tests.integration.predict.test_outbox import PublisherInPostgres
from tests.receivers import ReceivingServer, silence, status

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TYPE = "imgclass.prediction.created"
PATIENCE_SECONDS = 60.0


@dataclass
class World:
    """predict without a model, a sink, two webhooks, and a third that may not be told."""

    process: FunctionProcess
    settings: Settings
    publisher: PublisherInPostgres
    sink: ReceivingServer
    good: ReceivingServer
    bad: ReceivingServer
    forbidden: ReceivingServer

    def publish(self, count: int) -> set[str]:
        """Publish events; their subjects."""
        subjects = {str(uuid.uuid4()) for _ in range(count)}
        for subject in subjects:
            self.publisher.publish(TYPE, subject, {"image_id": subject}, True)
        return subjects

    def left(self) -> Counter[str]:
        """How many deliveries there are to each receiver."""
        rows = query(self.settings, "SELECT coalesce(url, 'sink') AS url FROM outbox "
                     "LEFT JOIN webhooks USING (webhook_id)")
        return Counter(row["url"] for row in rows)


@pytest.fixture
def world(database_settings: Settings, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        sink, good, bad, forbidden = (stack.enter_context(ReceivingServer()) for _ in range(4))
        publisher = PublisherInPostgres(database_settings)
        for server in (good, bad):
            publisher.register(server.url, SECRET, TYPE)
        # By another name, so that another address of loopback is what is connected to.
        publisher.register(f"http://127.0.0.2:{forbidden.port}/", SECRET, TYPE)
        process = FunctionProcess("handler:app", ROOT / "functions" / "predict", {
            **environment_of(database_settings), "LOG_DIR": str(tmp_path / "logs"),
            "MODEL_CACHE_DIR": str(tmp_path / "cache"), "K_SINK": sink.url,
            "K_CE_OVERRIDES": '{"extensions": {"region": "eu"}}',
            "WEBHOOK_NETWORKS": "127.0.0.1/32"})
        stack.enter_context(process)
        yield World(process, database_settings, publisher, sink, good, bad, forbidden)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_delivery(world: World) -> None:
    """Everybody is told everything, in his own way; those who fail hold nobody up."""
    world.bad.answer = status(500)
    subjects = world.publish(30)
    wait_for(lambda: world.left().keys() == {
        world.bad.url, f"http://127.0.0.2:{world.forbidden.port}/"})
    for server in (world.sink, world.good):
        events = [from_http_event(HTTPMessage(each.headers, each.body))
                  for each in server.received]
        assert {event.get_subject() for event in events} == subjects
        assert len({event.get_id() for event in events}) == len(events) == 30
        assert {event.get_extension("region") for event in events} == {
            "eu" if server is world.sink else None}
    for each in world.good.received:
        assert Webhook(SECRET).verify(each.body, each.headers)["type"] == TYPE
    assert world.forbidden.connections == 0
    assert len(world.bad.received) < 15
    assert world.left()[world.bad.url] == 30
    reasons = {row["reason"] for row in query(
        world.settings, "SELECT reason FROM failing_receivers")}
    assert reasons == {
        "It answered 500.", "It has no address that is public or allowed (WEBHOOK_NETWORKS)."}
    metrics = world.process.get("/metrics").body.decode()
    assert ('imgclass_event_delivery_attempts_total{outcome="delivered",receiver="webhook"} 30.0'
            in metrics)


def test_killed_in_the_middle(world: World) -> None:
    """What a process was telling when it was killed is told by the next: at least once."""
    world.bad.answer = world.good.answer = silence
    (subject,) = world.publish(1)
    wait_for(lambda: len(world.good.received) == 1)
    os.kill(world.process.worker(), signal.SIGKILL)
    assert world.left()[world.good.url] == 1
    world.good.answer = status(204)
    query(world.settings, "UPDATE outbox SET due_at = now() WHERE lease_token IS NOT NULL")
    wait_for(lambda: len(world.good.received) == 2)
    wait_for(lambda: world.left()[world.good.url] == 0)
    first, second = (json.loads(each.body) for each in world.good.received)
    assert first == second and first["subject"] == subject
