"""The contract of Outbox."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from common.errors import DatabaseUnavailable
from common.events import PREDICTION_CREATED, SINK, UPLOAD_FAILED
from predict.outbox.repository import Delivery, Outbox, Receiver

SINK_URL = "http://sink.example/"
SECRET = "whsec_c2VjcmV0"
DATA = {"predicted_class": "Bücher", "confidence_score": 0.5, "nested": {"list": [1, None]}}
LEASE_SECONDS, OVER, LATER = 60.0, -1.0, 3600.0


class Publisher(Protocol):
    """Those who register webhooks and publish events."""

    def register(self, url: str, secret: str, *event_types: str) -> uuid.UUID:
        """Add a webhook."""

    def unregister(self, webhook_id: uuid.UUID) -> None:
        """Remove it with all that waits for it."""

    def publish(self, event_type: str, subject: str, data: dict[str, Any], has_sink: bool) -> None:
        """Have everybody told who wants to be."""

    def age(self, days: float) -> None:
        """Let everything in the outbox have been there, in its state, for so long."""

    def reasons(self) -> list[tuple[str, str | None]]:
        """State and reason of each delivery, in order."""


def register(publisher: Publisher, *types: str, url: str = "https://a.example/") -> uuid.UUID:
    return publisher.register(url, SECRET, *(types or (PREDICTION_CREATED,)))


def publish(publisher: Publisher, subject: str = "1", has_sink: bool = False) -> None:
    publisher.publish(PREDICTION_CREATED, subject, DATA, has_sink)


def only(outbox: Outbox) -> Receiver:
    """The one receiver to whom something is due."""
    (receiver,) = outbox.receivers(100)
    return receiver


def claimed(outbox: Outbox, lease_seconds: float = LEASE_SECONDS) -> Delivery:
    """The one delivery that is due."""
    (delivery,) = outbox.claim(only(outbox), 100, lease_seconds)
    return delivery


class OutboxContract:
    """Subclasses give the fixtures `outbox`, which has a sink, `outbox_without_sink` and
    `publisher` of one database, and `unreachable_outbox`."""

    def test_empty(self, outbox: Outbox, publisher: Publisher) -> None:
        """Nobody is to be told anything as long as nothing is published."""
        register(publisher)
        assert outbox.receivers(100) == [] and outbox.backlog() == []

    def test_who_is_told(self, outbox: Outbox, publisher: Publisher) -> None:
        """Those are told who asked for events of this type, and nobody else."""
        both = register(publisher, PREDICTION_CREATED, UPLOAD_FAILED)
        register(publisher, UPLOAD_FAILED)
        publish(publisher)
        assert only(outbox) == Receiver(both, "https://a.example/", SECRET, 0, 1)

    def test_nobody_is_interested(self, outbox: Outbox, publisher: Publisher) -> None:
        """What nobody wants to hear is not kept."""
        register(publisher, UPLOAD_FAILED)
        publish(publisher)
        assert outbox.backlog() == []

    def test_event(self, outbox: Outbox, publisher: Publisher) -> None:
        """Everybody gets the same event, as it was published, in a delivery of his own."""
        for _ in range(3):
            register(publisher)
        publish(publisher, "subject", has_sink=True)
        told = [outbox.claim(each, 100, LEASE_SECONDS)[0] for each in outbox.receivers(100)]
        assert len(told) == 4
        assert len({each.event_id for each in told}) == 1
        assert len({each.delivery_id for each in told}) == 4
        assert {(each.event_type, each.subject, each.attempts) for each in told} == {
            (PREDICTION_CREATED, "subject", 0)}
        assert all(each.data == DATA and each.created_at.tzinfo for each in told)

    def test_sink(
        self, outbox: Outbox, outbox_without_sink: Outbox, publisher: Publisher
    ) -> None:
        """What is for the sink is left to processes that know where it is."""
        publish(publisher, has_sink=True)
        assert outbox_without_sink.receivers(100) == []
        assert only(outbox) == Receiver(SINK, SINK_URL, None, 0, 1)
        outbox.remove(claimed(outbox))
        assert outbox.backlog() == []

    def test_longest_waiting_first(self, outbox: Outbox, publisher: Publisher) -> None:
        """Receivers come in the order in which their oldest deliveries became due."""
        first = register(publisher)
        publish(publisher)
        register(publisher)
        for _ in range(5):
            publish(publisher)
        receivers = outbox.receivers(3)
        assert [each.waiting for each in receivers] == [3, 3]
        assert receivers[0].receiver_id == first

    def test_claims(self, outbox: Outbox, publisher: Publisher) -> None:
        """Deliveries are claimed oldest first, as many as asked, and each by one."""
        register(publisher)
        for number in range(5):
            publish(publisher, str(number))
        receiver = only(outbox)
        batches = [outbox.claim(receiver, 2, LEASE_SECONDS) for _ in range(4)]
        assert [[each.subject for each in batch] for batch in batches] == [
            ["0", "1"], ["2", "3"], ["4"], []]
        assert outbox.receivers(100) == []
        assert [each.deliveries for each in outbox.backlog()] == [5]

    def test_lease_over(self, outbox: Outbox, publisher: Publisher) -> None:
        """What a worker claimed and died over is claimed by another, and is no failure."""
        register(publisher)
        publish(publisher)
        dead = claimed(outbox, OVER)
        heir = claimed(outbox)
        assert heir.delivery_id == dead.delivery_id and heir.lease_token != dead.lease_token
        assert heir.attempts == 0

    def test_removed(self, outbox: Outbox, publisher: Publisher) -> None:
        """What was delivered is gone, also if its lease has passed to another meanwhile."""
        register(publisher)
        publish(publisher)
        slow = claimed(outbox, OVER)
        heir = claimed(outbox)
        outbox.remove(slow)
        assert outbox.backlog() == []
        assert outbox.note_failure(heir, "It answered 500.", OVER, 9)
        outbox.release([heir])
        assert outbox.backlog() == []

    def test_failure(self, outbox: Outbox, publisher: Publisher) -> None:
        """A failed attempt counts, has a reason, and is repeated when its time has come."""
        register(publisher)
        publish(publisher)
        assert outbox.note_failure(claimed(outbox), "It answered 500.", OVER, 9)
        assert publisher.reasons() == [("pending", "It answered 500.")]
        again = claimed(outbox)
        assert again.attempts == 1
        assert outbox.note_failure(again, "It answered 501.", LATER, 9)
        assert outbox.receivers(100) == []
        assert publisher.reasons() == [("pending", "It answered 501.")]

    def test_last_failure(self, outbox: Outbox, publisher: Publisher) -> None:
        """After so many attempts a delivery is given up and stays, with the last reason."""
        register(publisher)
        publish(publisher)
        assert outbox.note_failure(claimed(outbox), "It answered 500.", OVER, 2)
        assert not outbox.note_failure(claimed(outbox), "It answered 501.", OVER, 2)
        assert outbox.receivers(100) == []
        assert publisher.reasons() == [("dead", "It answered 501.")]

    def test_failure_of_a_lost_claim(self, outbox: Outbox, publisher: Publisher) -> None:
        """Whoever has lost his lease cannot count a failure, nor give away what is another's."""
        register(publisher)
        publish(publisher)
        lost = claimed(outbox, OVER)
        heir = claimed(outbox)
        assert outbox.note_failure(lost, "It answered 500.", OVER, 1)
        outbox.release([lost])
        assert outbox.receivers(100) == []
        assert not outbox.note_failure(heir, "It answered 501.", OVER, 1)

    def test_release(self, outbox: Outbox, publisher: Publisher) -> None:
        """What was claimed and not attempted can be claimed again at once, without a failure."""
        register(publisher)
        for _ in range(3):
            publish(publisher)
        receiver = only(outbox)
        first, *rest = outbox.claim(receiver, 3, LEASE_SECONDS)
        outbox.release(rest)
        outbox.release([])
        again = outbox.claim(receiver, 3, LEASE_SECONDS)
        assert {each.delivery_id for each in again} == {each.delivery_id for each in rest}
        assert {each.attempts for each in again} == {0}

    def test_pause(self, outbox: Outbox, publisher: Publisher) -> None:
        """A receiver that failed is left alone as a whole; others are not concerned."""
        for name in ("a", "b"):
            register(publisher, url=f"https://{name}.example/")
        publish(publisher, has_sink=True)
        failing, *others = outbox.receivers(100)
        outbox.pause(failing, "It answered 500.", LATER)
        publish(publisher)
        assert outbox.claim(failing, 100, LEASE_SECONDS) == []
        assert {each.receiver_id for each in outbox.receivers(100)} == {
            each.receiver_id for each in others}

    @pytest.mark.parametrize("has_sink", [False, True])
    def test_failures_in_a_row(
        self, outbox: Outbox, publisher: Publisher, has_sink: bool
    ) -> None:
        """Failures of a receiver count until it answers, those of one moment as one."""
        if not has_sink:
            register(publisher)
        publish(publisher, has_sink=has_sink)
        for failures in range(3):
            receiver = only(outbox)
            assert receiver.failures == failures
            outbox.pause(receiver, "It answered 500.", OVER)
        receiver = only(outbox)
        for _ in range(2):
            outbox.pause(receiver, "It answered 500.", LATER)
        assert outbox.receivers(100) == []
        outbox.resume(receiver)
        assert only(outbox).failures == 0
        outbox.resume(receiver)

    def test_webhook_removed(self, outbox: Outbox, publisher: Publisher) -> None:
        """A webhook takes its deliveries with it; who works on them is not disturbed."""
        webhook_id = register(publisher)
        for _ in range(2):
            publish(publisher)
        receiver = only(outbox)
        first, second = outbox.claim(receiver, 2, LEASE_SECONDS)
        publisher.unregister(webhook_id)
        outbox.pause(receiver, "It answered 500.", LATER)
        assert outbox.note_failure(first, "It answered 500.", OVER, 1)
        outbox.release([second])
        outbox.remove(second)
        outbox.resume(receiver)
        assert outbox.receivers(100) == [] and outbox.backlog() == []

    def test_backlog(self, outbox: Outbox, publisher: Publisher) -> None:
        """Deliveries are counted by state, those to the sink apart."""
        for name in ("a", "b"):
            register(publisher, url=f"https://{name}.example/")
        publish(publisher, has_sink=True)
        webhook = next(each for each in outbox.receivers(9) if each.receiver_id != SINK)
        (dead,) = outbox.claim(webhook, 1, LEASE_SECONDS)
        outbox.note_failure(dead, "It answered 500.", OVER, 1)
        publisher.age(1.0)
        found = {(each.to_sink, each.state): each for each in outbox.backlog()}
        assert {key: each.deliveries for key, each in found.items()} == {
            (False, "pending"): 1, (False, "dead"): 1, (True, "pending"): 1}
        assert all(86_400 <= each.oldest_seconds < 2 * 86_400 for each in found.values())

    def test_expired(self, outbox: Outbox, publisher: Publisher) -> None:
        """What nobody took for days is given up, but for what is being delivered; what was
        given up is forgotten after some more."""
        register(publisher)
        for _ in range(3):
            publish(publisher)
        receiver = only(outbox)
        tried, held = outbox.claim(receiver, 2, 8 * 86_400.0)
        outbox.note_failure(tried, "It answered 500.", LATER, 9)
        assert outbox.expire(7, 30) == 0
        publisher.age(7.1)
        assert outbox.expire(7, 30) == 2
        assert sorted(publisher.reasons(), key=str) == [
            ("dead", "It answered 500."), ("dead", "Its turn never came."), ("pending", None)]
        outbox.remove(held)
        publisher.age(29.0)
        outbox.expire(7, 30)
        assert [each.deliveries for each in outbox.backlog()] == [2]
        publisher.age(1.1)
        outbox.expire(7, 30)
        assert outbox.backlog() == []

    @pytest.mark.parametrize("call", [
        lambda outbox: outbox.receivers(1),
        lambda outbox: outbox.claim(RECEIVER, 1, 1.0),
        lambda outbox: outbox.remove(DELIVERY),
        lambda outbox: outbox.note_failure(DELIVERY, "", 1.0, 1),
        lambda outbox: outbox.release([DELIVERY]),
        lambda outbox: outbox.pause(RECEIVER, "", 1.0),
        lambda outbox: outbox.resume(RECEIVER),
        lambda outbox: outbox.backlog(),
        lambda outbox: outbox.expire(1, 1),
    ])
    def test_unreachable(
        self, unreachable_outbox: Outbox, call: Callable[[Outbox], object]
    ) -> None:
        """An outage is told as such."""
        with pytest.raises(DatabaseUnavailable):
            call(unreachable_outbox)


RECEIVER = Receiver(uuid.uuid4(), "https://a.example/", SECRET, 0, 1)
DELIVERY = Delivery(
    uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), PREDICTION_CREATED, "1", {},
    created_at=None,  # type: ignore[arg-type]  # nobody looks at it
    attempts=0)
