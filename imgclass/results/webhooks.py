"""Webhooks: who is told of events, and what became of telling them."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from imgclass.results.values import Document, instant, optional_instant


@dataclass(frozen=True)
class Webhook:
    """A webhook as it stands.

    `pending` and `dead` count the deliveries that wait and those that were given up. `problem`
    is why the last one failed; while `failures` in a row are more than none, nothing is sent
    before `paused_until`. `secret`, the key of the signatures, is told once, when the webhook is
    registered.
    """

    webhook_id: uuid.UUID
    url: str
    event_types: tuple[str, ...]
    created_at: datetime
    pending: int
    dead: int
    failures: int
    problem: str | None
    paused_until: datetime | None
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_document(cls, document: Document) -> Webhook:
        return cls(
            webhook_id=uuid.UUID(document["webhook_id"]),
            url=str(document["url"]),
            event_types=tuple(map(str, document["event_types"])),
            created_at=instant(document["created_at"]),
            pending=int(document["pending"]),
            dead=int(document["dead"]),
            failures=int(document["failures"]),
            problem=document["problem"],
            paused_until=optional_instant(document["paused_until"]),
            secret=document.get("secret"),
        )


@dataclass(frozen=True)
class Delivery:
    """An event that waits for a receiver (`state` pending) or was given up (dead).

    `reason` is why the last of `attempts` failed. `subject` is what the event is about, such as
    the id of a prediction.
    """

    delivery_id: uuid.UUID
    event_id: uuid.UUID
    event_type: str
    subject: str
    state: str
    attempts: int
    reason: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    given_up_at: datetime | None

    @classmethod
    def from_document(cls, document: Document) -> Delivery:
        return cls(
            delivery_id=uuid.UUID(document["delivery_id"]),
            event_id=uuid.UUID(document["event_id"]),
            event_type=str(document["event_type"]),
            subject=str(document["subject"]),
            state=str(document["state"]),
            attempts=int(document["attempts"]),
            reason=document["reason"],
            created_at=instant(document["created_at"]),
            next_attempt_at=optional_instant(document["next_attempt_at"]),
            given_up_at=optional_instant(document["given_up_at"]),
        )


@dataclass(frozen=True)
class DeliveryPage:
    """Some deliveries of the `total` that match."""

    deliveries: tuple[Delivery, ...]
    total: int

    @classmethod
    def from_document(cls, document: Document) -> DeliveryPage:
        return cls(
            tuple(map(Delivery.from_document, document["deliveries"])), int(document["total"]))
