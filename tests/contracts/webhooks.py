"""The contract of WebhookRepository."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import pytest

from common.audit import Origin
from common.errors import DatabaseUnavailable
from common.events import EVENT_TYPES, PREDICTION_CREATED, SINK
from model_admin.webhooks.registration import Registration
from model_admin.webhooks.repository import MAX_WEBHOOKS, Page, Row, WebhookRepository

ADMIN = uuid.uuid4()
ORIGIN = Origin(ADMIN, "request-1", "192.0.2.1")
URL, SECRET = "https://a.example/hook", "whsec_c2VjcmV0"
FIELDS = {
    "webhook_id", "url", "event_types", "created_by", "created_at", "pending", "dead", "failures",
    "problem", "paused_until"}


class Deliverer(Protocol):
    """What predict does to the outbox."""

    def publish(self, receiver_id: uuid.UUID, **columns: Any) -> uuid.UUID:
        """Add a delivery, later than the one before; `columns` are state, attempts, reason and
        `leased`."""

    def pause(self, receiver_id: uuid.UUID, reason: str, until: datetime) -> None:
        """Leave a receiver alone that has failed three times."""

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Action, subject and detail of each line of the audit log, oldest first."""


def added(webhooks: WebhookRepository) -> uuid.UUID:
    """A webhook for all types."""
    row = webhooks.add(Registration(URL, EVENT_TYPES), SECRET, ORIGIN)
    assert row is not None
    webhook_id: uuid.UUID = row["webhook_id"]
    return webhook_id


def found(webhooks: WebhookRepository, webhook_id: uuid.UUID) -> Row:
    row = webhooks.find(webhook_id)
    assert row is not None
    return row


def page(
    webhooks: WebhookRepository, receiver_id: uuid.UUID, state: str | None = None,
    limit: int = 100, offset: int = 0,
) -> Page:
    """Deliveries to a receiver that there is."""
    answered = webhooks.deliveries(receiver_id, state, limit, offset)
    assert answered is not None
    return answered


def ids(answered: Page) -> list[uuid.UUID]:
    return [row["delivery_id"] for row in answered.rows]


class WebhooksContract:
    """Subclasses give the fixtures `webhooks` and `deliverer` of one database, and
    `unreachable_webhooks`."""

    def test_add(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """A webhook is found and listed as it was answered, without its secret."""
        row = webhooks.add(Registration(URL, [PREDICTION_CREATED]), SECRET, ORIGIN)
        assert row is not None and row.keys() == FIELDS
        assert (row["url"], row["event_types"], row["created_by"]) == (
            URL, [PREDICTION_CREATED], ADMIN)
        assert (row["pending"], row["dead"], row["failures"]) == (0, 0, 0)
        assert row["problem"] is None and row["paused_until"] is None
        assert webhooks.list() == [row]
        assert found(webhooks, row["webhook_id"]) == row
        assert deliverer.audit() == [("webhook.create", str(row["webhook_id"]), {
            "url": URL, "event_types": [PREDICTION_CREATED]})]

    def test_list(self, webhooks: WebhookRepository) -> None:
        """The newest comes first; one address may be registered twice."""
        registered = [added(webhooks) for _ in range(3)]
        assert [row["webhook_id"] for row in webhooks.list()] == registered[::-1]

    def test_no_more(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """There is a limit, and room again once one is removed."""
        first = added(webhooks)
        for _ in range(MAX_WEBHOOKS - 1):
            added(webhooks)
        assert webhooks.add(Registration(URL, EVENT_TYPES), SECRET, ORIGIN) is None
        assert len(deliverer.audit()) == MAX_WEBHOOKS
        webhooks.remove(first, ORIGIN)
        added(webhooks)

    def test_remove(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """A webhook goes with all that waits for it, and no other is concerned."""
        gone, kept = added(webhooks), added(webhooks)
        for webhook_id in (gone, kept):
            deliverer.publish(webhook_id)
            deliverer.pause(webhook_id, "It answered 500.", datetime.now(timezone.utc))
        assert webhooks.remove(gone, ORIGIN)
        assert webhooks.find(gone) is None and webhooks.deliveries(gone, None, 9, 0) is None
        assert page(webhooks, kept).total == 1
        assert deliverer.audit()[-1] == ("webhook.delete", str(gone), {
            "url": URL, "event_types": [*EVENT_TYPES]})

    def test_unknown(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """Under a made-up id there is nothing, and nothing is logged."""
        unknown = uuid.uuid4()
        assert webhooks.find(unknown) is None
        assert not webhooks.remove(unknown, ORIGIN)
        assert webhooks.deliveries(unknown, None, 9, 0) is None
        assert webhooks.retry(unknown, unknown, ORIGIN) is None
        assert webhooks.retry(added(webhooks), unknown, ORIGIN) is None
        assert webhooks.retry_dead(unknown, ORIGIN) is None
        assert [action for action, _, _ in deliverer.audit()] == ["webhook.create"]

    def test_counts(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """What waits and what was given up is counted for each webhook."""
        one, other = added(webhooks), added(webhooks)
        for state in ("pending", "pending", "dead"):
            deliverer.publish(one, state=state)
        row = found(webhooks, one)
        assert (row["pending"], row["dead"]) == (2, 1)
        assert found(webhooks, other)["pending"] == 0

    def test_problem(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """What is wrong is told: with the newest delivery that failed, or with the webhook."""
        webhook_id = added(webhooks)
        deliverer.publish(webhook_id, state="dead", reason="It answered 400.")
        deliverer.publish(webhook_id, reason="It answered 422.")
        deliverer.publish(webhook_id)
        assert found(webhooks, webhook_id)["problem"] == "It answered 422."
        until = datetime.now(timezone.utc) + timedelta(minutes=5)
        deliverer.pause(webhook_id, "It answered 503.", until)
        row = found(webhooks, webhook_id)
        assert (row["problem"], row["failures"], row["paused_until"]) == (
            "It answered 503.", 3, until)

    @pytest.mark.parametrize("to_sink", [False, True])
    def test_deliveries(
        self, webhooks: WebhookRepository, deliverer: Deliverer, to_sink: bool
    ) -> None:
        """Deliveries are shown newest first, by state or all, page by page."""
        receiver_id = SINK if to_sink else added(webhooks)
        deliverer.publish(added(webhooks))
        sent = [deliverer.publish(receiver_id, state=state, attempts=2, reason="It answered 500.")
                for state in ("dead", "pending", "dead", "pending", "dead")]
        assert ids(page(webhooks, receiver_id)) == sent[::-1]
        assert ids(page(webhooks, receiver_id, "dead")) == [sent[4], sent[2], sent[0]]
        assert page(webhooks, receiver_id, "pending").total == 2
        second = page(webhooks, receiver_id, "dead", limit=2, offset=2)
        assert (ids(second), second.total) == ([sent[0]], 3)
        row = second.rows[0]
        assert row.keys() == {
            "delivery_id", "event_id", "event_type", "subject", "state", "attempts", "reason",
            "created_at", "next_attempt_at", "given_up_at"}
        assert (row["state"], row["attempts"], row["reason"]) == ("dead", 2, "It answered 500.")
        assert row["next_attempt_at"] is None and row["given_up_at"] is not None
        (pending, *_) = page(webhooks, receiver_id, "pending").rows
        assert pending["next_attempt_at"] is not None and pending["given_up_at"] is None

    @pytest.mark.parametrize("state", ["dead", "pending"])
    @pytest.mark.parametrize("to_sink", [False, True])
    def test_retry(
        self, webhooks: WebhookRepository, deliverer: Deliverer, state: str, to_sink: bool
    ) -> None:
        """A delivery is attempted now, with all its attempts, and so is its receiver."""
        receiver_id = SINK if to_sink else added(webhooks)
        other, one = (deliverer.publish(receiver_id, state=state, attempts=9) for _ in range(2))
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        deliverer.pause(receiver_id, "It answered 500.", later)
        row = webhooks.retry(receiver_id, one, ORIGIN)
        assert row is not None
        assert (row["delivery_id"], row["state"], row["attempts"]) == (one, "pending", 0)
        assert abs(row["next_attempt_at"] - datetime.now(timezone.utc)) < timedelta(minutes=5)
        assert next(each for each in page(webhooks, receiver_id).rows
                    if each["delivery_id"] == other)["attempts"] == 9
        if not to_sink:
            assert found(webhooks, receiver_id)["paused_until"] < later
            assert found(webhooks, receiver_id)["failures"] == 3
        assert deliverer.audit()[-1:] == [("delivery.retry", str(one), {
            "receiver": "sink" if to_sink else str(receiver_id)})]

    def test_retry_of_another_receiver(
        self, webhooks: WebhookRepository, deliverer: Deliverer
    ) -> None:
        """A delivery is found with its own receiver alone."""
        one, other = added(webhooks), added(webhooks)
        delivery_id = deliverer.publish(one, state="dead")
        assert webhooks.retry(other, delivery_id, ORIGIN) is None
        assert webhooks.retry(SINK, delivery_id, ORIGIN) is None
        assert page(webhooks, one, "dead").total == 1

    def test_retry_while_attempted(
        self, webhooks: WebhookRepository, deliverer: Deliverer
    ) -> None:
        """What is being attempted is left to whoever does it."""
        webhook_id = added(webhooks)
        delivery_id = deliverer.publish(webhook_id, attempts=2, leased=True)
        row = webhooks.retry(webhook_id, delivery_id, ORIGIN)
        assert row is not None and row["attempts"] == 2
        assert [action for action, _, _ in deliverer.audit()] == ["webhook.create"]

    def test_retry_dead(self, webhooks: WebhookRepository, deliverer: Deliverer) -> None:
        """All of a receiver that were given up are attempted again, and nothing else."""
        one, other = added(webhooks), added(webhooks)
        for state in ("dead", "pending", "dead"):
            deliverer.publish(one, state=state, attempts=9)
        deliverer.publish(other, state="dead")
        deliverer.publish(SINK, state="dead")
        assert webhooks.retry_dead(one, ORIGIN) == 2
        assert sorted(row["attempts"] for row in page(webhooks, one, "pending").rows) == [0, 0, 9]
        assert page(webhooks, other, "dead").total == page(webhooks, SINK, "dead").total == 1
        assert deliverer.audit()[-1] == ("webhook.retry", str(one), {"deliveries": 2})
        assert webhooks.retry_dead(one, ORIGIN) == 0
        assert len(deliverer.audit()) == 3
        assert webhooks.retry_dead(SINK, ORIGIN) == 1
        assert deliverer.audit()[-1] == ("webhook.retry", "sink", {"deliveries": 1})

    @pytest.mark.parametrize("call", [
        lambda webhooks: webhooks.add(Registration(URL, EVENT_TYPES), SECRET, ORIGIN),
        lambda webhooks: webhooks.find(ADMIN),
        lambda webhooks: webhooks.list(),
        lambda webhooks: webhooks.remove(ADMIN, ORIGIN),
        lambda webhooks: webhooks.deliveries(ADMIN, None, 1, 0),
        lambda webhooks: webhooks.retry(ADMIN, ADMIN, ORIGIN),
        lambda webhooks: webhooks.retry_dead(ADMIN, ORIGIN),
    ])
    def test_unreachable(
        self, unreachable_webhooks: WebhookRepository,
        call: Callable[[WebhookRepository], object],
    ) -> None:
        """An outage is told as such."""
        with pytest.raises(DatabaseUnavailable):
            call(unreachable_webhooks)
