"""The worker delivers everything once at least, and is patient with those who do not answer."""
from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from common.errors import DatabaseUnavailable
from common.events import PREDICTION_CREATED, SINK
from predict.outbox import worker as module
from predict.outbox.courier import Failure
from predict.outbox.repository import Delivery
from predict.outbox.telemetry import OutboxTelemetry
from predict.outbox.worker import LEASE_SECONDS, OutboxWorker
from tests.fakes.outbox import FakeCourier, InMemoryOutbox

A, B, SINK_URL = "https://a.example/", "https://b.example/", "http://sink.example/"
PATIENCE_SECONDS = 30.0
MAX_ATTEMPTS = 3
BROKEN = Failure("answered", "It answered 500.", of_receiver=True)
UNWANTED = Failure("answered", "It answered 422.", of_receiver=False)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class House:
    """A worker with what it works on; `clock` is everybody's."""

    def __init__(self) -> None:
        self.clock = Time()
        self.outbox = InMemoryOutbox(SINK_URL, self.clock.monotonic)
        self.courier = FakeCourier()
        self.registry = CollectorRegistry()
        self.worker = OutboxWorker(
            self.outbox, self.courier, OutboxTelemetry(self.registry), MAX_ATTEMPTS, self.clock)

    def register(self, *urls: str) -> None:
        for url in urls:
            self.outbox.register(url, "whsec_", PREDICTION_CREATED)

    def publish(self, *subjects: str, has_sink: bool = False) -> None:
        for subject in subjects:
            self.outbox.publish(PREDICTION_CREATED, subject, {}, has_sink)

    def drain(self) -> int:
        return self.worker.drain(PATIENCE_SECONDS)

    def later(self, seconds: float) -> int:
        """Drain after so long; the receivers that were told so far are forgotten."""
        self.clock.now += seconds
        self.courier.told.clear()
        return self.drain()

    def told(self, url: str) -> list[str]:
        """What a receiver was told, in order."""
        return [subject for each, subject in self.courier.told if each == url]

    def answer(self, url: str, failure: Failure | None, *subjects: str) -> None:
        """Let a receiver answer so, to these events or to all."""
        self.courier.answers[url] = lambda delivery: (
            failure if not subjects or delivery.subject in subjects else None)

    def states(self) -> dict[str, tuple[str, int]]:
        """State and attempts of what is left, by subject."""
        return {each.delivery.subject: (each.state, each.delivery.attempts)
                for each in self.outbox.entries.values()}

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"imgclass_{name}", labels)


@pytest.fixture
def house() -> House:
    return House()


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once something holds that other threads bring about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_everybody_is_told(house: House) -> None:
    """All events go to all receivers, the sink included, and leave the outbox."""
    house.register(A, B)
    subjects = [str(number) for number in range(20)]
    house.publish(*subjects, has_sink=True)
    assert house.drain() == 60
    for url in (A, B, SINK_URL):
        assert sorted(house.told(url), key=int) == subjects
    assert house.outbox.entries == {}


def test_nothing_to_do(house: House) -> None:
    """An empty outbox is drained at once."""
    house.register(A)
    assert house.drain() == 0
    assert house.courier.opened == []


def test_no_time(house: House) -> None:
    """Without time nothing is begun."""
    house.register(A)
    house.publish("1")
    assert house.worker.drain(0.0) == 0
    assert house.states() == {"1": ("pending", 0)}


def test_receiver_that_fails(house: House) -> None:
    """After one failure a receiver is left alone; what waits for it has lost no attempt."""
    house.register(A, B)
    house.answer(A, BROKEN)
    house.publish("1", "2", "3")
    assert house.drain() == 3
    assert (house.told(A), sorted(house.told(B))) == (["1"], ["1", "2", "3"])
    assert house.states() == {"1": ("pending", 1), "2": ("pending", 0), "3": ("pending", 0)}
    assert not any(each.leased for each in house.outbox.entries.values())
    assert house.later(1.0) == 0 and house.told(A) == []


def test_receiver_that_keeps_failing(house: House) -> None:
    """It is tried with one delivery at a time, another each time, ever more seldom."""
    house.register(A)
    house.answer(A, BROKEN)
    house.publish(*"123456789")
    house.drain()
    for seconds, subject in ((7.0, "2"), (13.0, "3"), (25.0, "4")):
        house.later(seconds)
        assert house.told(A) == [subject]
        house.later(seconds / 2)
        assert house.told(A) == []


def test_receiver_that_recovers(house: House) -> None:
    """One that answers again gets all that has waited, at once."""
    house.register(A)
    house.answer(A, BROKEN)
    house.publish(*"123456789")
    house.drain()
    house.answer(A, None)
    assert house.later(60.0) == 9
    assert house.outbox.failing == {} and house.outbox.entries == {}


def test_event_that_is_refused(house: House) -> None:
    """An event that a receiver does not want is repeated later; the others do not wait for it."""
    house.register(A)
    house.answer(A, UNWANTED, "2")
    house.publish(*"123")
    assert house.drain() == 2
    assert house.states() == {"2": ("pending", 1)}
    assert house.outbox.failing == {}
    house.answer(A, None)
    assert house.later(60.0) == 1


def test_refusal_ends_a_pause(house: House) -> None:
    """A receiver that refuses an event answers, and is told the others."""
    house.register(A)
    house.answer(A, BROKEN)
    house.publish(*"123")
    house.drain()
    house.answer(A, UNWANTED, "2")
    assert house.later(60.0) == 2
    assert house.outbox.failing == {}


@pytest.mark.parametrize("failure", [BROKEN, UNWANTED])
def test_given_up(house: House, failure: Failure) -> None:
    """After so many attempts an event is given up, with the reason, and leaves the others be."""
    house.register(A)
    house.answer(A, failure, "1")
    house.publish("1")
    house.drain()
    for _ in range(MAX_ATTEMPTS):
        house.later(3600.0)
    assert house.states() == {"1": ("dead", MAX_ATTEMPTS)}
    (entry,) = house.outbox.entries.values()
    assert entry.reason == failure.reason
    house.publish("2")
    assert house.later(3600.0) == 1
    assert house.metric("events_given_up_total") == 1


def test_slow_receiver(house: House) -> None:
    """While one receiver takes its time, others are told."""
    arrived, go = threading.Event(), threading.Event()

    def slow(_delivery: Delivery) -> None:
        arrived.set()
        go.wait(PATIENCE_SECONDS)

    house.register(A, B)
    house.courier.answers[A] = slow
    house.publish(*"12345")
    draining = threading.Thread(target=house.drain)
    draining.start()
    arrived.wait(PATIENCE_SECONDS)
    wait_for(lambda: len(house.told(B)) == 5)
    house.publish("6")
    wait_for(lambda: len(house.told(B)) == 6)
    assert house.told(A) == ["1"]
    go.set()
    draining.join()
    assert len(house.told(A)) == 6


def test_end_of_the_time(house: House) -> None:
    """When the time is over nothing more is begun, and what was claimed is anybody's."""
    def slow(_delivery: Delivery) -> None:
        house.clock.now += PATIENCE_SECONDS

    house.register(A)
    house.courier.answers[A] = slow
    house.publish(*"123")
    house.drain()
    wait_for(lambda: len(house.states()) == 2)
    wait_for(lambda: not any(each.leased for each in house.outbox.entries.values()))
    assert house.told(A) == ["1"]


def test_nothing_is_begun_late_in_a_lease(house: House) -> None:
    """What might not end before the lease does is given back, and claimed anew."""
    tokens: dict[str, uuid.UUID] = {}

    def slow(delivery: Delivery) -> None:
        tokens[delivery.subject] = delivery.lease_token
        entry = house.outbox.entries[delivery.delivery_id]
        assert entry.due_at - house.clock.now >= module.MARGIN_SECONDS
        house.clock.now += LEASE_SECONDS / 3

    house.register(A)
    house.courier.answers[A] = slow
    house.publish(*"12345")
    assert house.worker.drain(1000.0) == 5
    assert sorted(tokens) == [*"12345"]


def test_lost_database(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What was delivered when the database went away is delivered again, once the lease is over:
    at least once."""
    def lose(_delivery: Delivery) -> None:
        house.outbox.down = True

    house.register(A)
    house.courier.answers[A] = lose
    house.publish("1")
    with caplog.at_level(logging.WARNING), pytest.raises(DatabaseUnavailable):
        house.drain()
    wait_for(lambda: "deliveries are put off" in caplog.text)
    house.outbox.down = False
    del house.courier.answers[A]
    assert house.later(1.0) == 0
    assert house.later(LEASE_SECONDS) == 1
    assert house.told(A) == ["1"]


def test_several_lanes(house: House) -> None:
    """A receiver that has much to be told is told several things at once."""
    together = threading.Barrier(3)

    def meet(_delivery: Delivery) -> None:
        if not together.broken:
            together.wait(PATIENCE_SECONDS)
            together.abort()

    house.register(A)
    house.courier.answers[A] = meet
    house.publish(*(str(number) for number in range(24)))
    house.drain()
    assert len(house.courier.opened) >= 3


def test_background(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread outlives an outage, and delivers as soon as it hears that there is something."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    house.register(A)
    house.outbox.down = True
    house.worker.start()
    house.publish("1", has_sink=True)
    house.outbox.down = False
    wait_for(lambda: house.outbox.entries == {})
    monkeypatch.setattr(module, "POLL_SECONDS", 600.0)
    time.sleep(0.05)
    house.publish("2")
    house.worker.wake()
    wait_for(lambda: house.outbox.entries == {})
    assert house.told(A) == ["1", "2"]


def test_background_measures(house: House) -> None:
    """What waits and what was given up is measured, by kind of receiver."""
    house.register(A)
    house.answer(A, BROKEN)
    house.publish("1", "2")
    house.drain()
    house.clock.now += 1.0
    house.worker.start()
    wait_for(lambda: house.metric("outbox_deliveries", receiver="webhook", state="pending") == 2)
    assert house.metric("outbox_deliveries", receiver="webhook", state="dead") == 0
    assert house.metric("outbox_deliveries", receiver="sink", state="pending") == 0
    assert house.metric("outbox_oldest_pending_seconds", receiver="webhook") == 1.0
    assert house.metric("outbox_oldest_pending_seconds", receiver="sink") == 0


def test_background_gives_up(house: House) -> None:
    """What nobody takes for days is given up, such as events for a sink that is no more."""
    house.outbox.sink = ""
    house.publish("1", has_sink=True)
    house.clock.now += module.PENDING_DAYS * 86_400.0 + 1.0
    house.worker.start()
    wait_for(lambda: house.states() == {"1": ("dead", 0)})
    wait_for(lambda: house.metric("events_given_up_total") == 1)


def test_attempts_are_counted(house: House) -> None:
    """Attempts are counted by kind of receiver and what came of them, and by nothing more."""
    house.register(A, B)
    house.answer(B, BROKEN)
    house.publish("1", has_sink=True)
    house.drain()
    assert house.metric("event_delivery_attempts_total", receiver="sink",
                        outcome="delivered") == 1
    assert house.metric("event_delivery_attempts_total", receiver="webhook",
                        outcome="answered") == 1
    assert house.metric("event_delivery_duration_seconds_count", receiver="webhook") == 2
    labels = {name for family in house.registry.collect() for sample in family.samples
              for name in sample.labels}
    assert labels <= {"receiver", "outcome", "state", "le"}


def test_failures_are_logged_without_addresses(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A log tells which receiver fails and why; its URL may hold a secret."""
    house.register(A)
    house.answer(A, BROKEN)
    house.publish("1", has_sink=True)
    with caplog.at_level(logging.INFO):
        house.drain()
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.message == "an event is not delivered"
    assert vars(record)["reason"] == "It answered 500."
    assert vars(record)["receiver_id"] not in ("", str(SINK))
    assert A not in str(vars(record))
