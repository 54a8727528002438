"""An event on its way to a receiver: its form, its signature, and what the answer means."""
from __future__ import annotations

import base64
import ipaddress
import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from common.events import PREDICTION_CREATED, SINK
from predict.outbox.addresses import AddressGuard
from predict.outbox.courier import Failure, HttpCourier
from predict.outbox.repository import Delivery, Receiver
from predict.outbox.sending import Sender
from predict.outbox.signing import sign
from tests.receivers import ReceivingServer, hang_up, status

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
DELIVERY = Delivery(
    delivery_id=uuid.uuid4(), lease_token=uuid.uuid4(), event_id=uuid.uuid4(),
    event_type=PREDICTION_CREATED, subject="7d1d8a2e-3f0f-4b57-93a5-0d8cbb0ac5b6",
    data={"predicted_class": "Bücher", "confidence_score": 0.5, "object_key": None},
    created_at=datetime(2026, 1, 31, 12, 30, 0, 250_000, timezone.utc), attempts=3)


@pytest.fixture
def server() -> Iterator[ReceivingServer]:
    with ReceivingServer() as running:
        yield running


def webhook(server: ReceivingServer, secret: str = SECRET) -> Receiver:
    return Receiver(uuid.uuid4(), server.url, secret, 0, 1)


def sink(server: ReceivingServer) -> Receiver:
    return Receiver(SINK, server.url, None, 0, 1)


def deliver(receiver: Receiver, guard: AddressGuard = LOOPBACK) -> Failure | None:
    """Take one event to a receiver."""
    courier = HttpCourier(Sender(guard), Sender(None), {"region": "eu"})
    with courier.to(receiver) as carry:
        return carry(DELIVERY)


def test_cloud_event(server: ReceivingServer) -> None:
    """A webhook gets a CloudEvent that the library reads back, with the id of the event."""
    assert deliver(webhook(server)) is None
    (request,) = server.received
    assert request.headers["content-type"] == "application/cloudevents+json"
    event = from_http_event(HTTPMessage(request.headers, request.body))
    assert event.get_attributes() == {
        "specversion": "1.0", "id": str(DELIVERY.event_id), "source": "/imgclass/predict",
        "type": PREDICTION_CREATED, "subject": DELIVERY.subject, "time": DELIVERY.created_at,
        "datacontenttype": "application/json"}
    assert event.get_data() == DELIVERY.data
    assert b'"time": "2026-01-31T12:30:00.250000Z"' in request.body


def test_signature(server: ReceivingServer) -> None:
    """The signature is good for the library of Standard Webhooks, and for this key alone."""
    deliver(webhook(server))
    (request,) = server.received
    assert request.headers["webhook-id"] == str(DELIVERY.event_id)
    assert Webhook(SECRET).verify(request.body, request.headers)["data"] == DELIVERY.data
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY[::-1]).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body, {**request.headers, "webhook-id": "another"})


def test_known_signature() -> None:
    """The example of the specification's libraries."""
    assert sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}')["webhook-signature"] == (
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def test_sink(server: ReceivingServer) -> None:
    """The sink's events have the deployment's extensions and no signature; it may be private."""
    assert deliver(sink(server), AddressGuard([])) is None
    (request,) = server.received
    event = from_http_event(HTTPMessage(request.headers, request.body))
    assert event.get_extension("region") == "eu"
    assert not {name for name in request.headers if name.startswith("webhook-")}


def test_extensions_are_for_the_sink(server: ReceivingServer) -> None:
    """Webhooks get none of them, and may not be private."""
    deliver(webhook(server))
    assert b"region" not in server.received[0].body
    assert deliver(webhook(server), AddressGuard([])) == Failure(
        "refused", "It has no address that is public or allowed (WEBHOOK_NETWORKS).", True)


@pytest.mark.parametrize("number", [200, 201, 202, 204, 299])
def test_taken(server: ReceivingServer, number: int) -> None:
    """Every answer from 200 to 299 says that the event was taken."""
    server.answer = status(number)
    assert deliver(webhook(server)) is None


@pytest.mark.parametrize(("number", "of_receiver"), [
    (301, False), (307, False), (400, False), (401, False), (404, False), (410, False),
    (413, False), (422, False), (408, True), (425, True), (429, True), (500, True),
    (502, True), (503, True), (504, True)])
def test_not_taken(server: ReceivingServer, number: int, of_receiver: bool) -> None:
    """A refusal is about the one event; overload and breakdown are about the receiver."""
    server.answer = status(number, "Location: http://127.0.0.1:1/")
    assert deliver(webhook(server)) == Failure("answered", f"It answered {number}.", of_receiver)


def test_no_answer(server: ReceivingServer) -> None:
    """A receiver that gives no answer fails as a whole."""
    server.answer = hang_up
    failure = deliver(webhook(server))
    assert failure is not None and failure.of_receiver and failure.outcome == "unreachable"


def test_event_that_cannot_be_sent(
    server: ReceivingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong on our side concerns this event alone, and is for the log to tell."""
    with caplog.at_level(logging.ERROR):
        failure = deliver(webhook(server, "not a secret"))
    assert failure == Failure("unexpected", "It cannot be sent; the log knows why.", False)
    assert server.connections == 0
    assert "a secret begins with whsec_" in caplog.text
    assert "not a secret" not in caplog.text


def test_secrets_are_not_shown(server: ReceivingServer) -> None:
    """A receiver that gets into a log does not take its key with it."""
    assert SECRET not in repr(replace(webhook(server), failures=1))
