"""The outbox in memory, and a courier that goes nowhere."""
from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from common.errors import DatabaseUnavailable
from common.events import SINK
from predict.outbox.courier import Deliver, Failure
from predict.outbox.repository import Backlog, Delivery, Receiver

# The class below has a method of that name.
Deliveries = list[Delivery]

CREATED = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
DAY_SECONDS = 86_400.0


@dataclass
class Entry:
    """A row; times are seconds of the clock."""

    delivery: Delivery
    receiver_id: uuid.UUID
    created_at: float
    due_at: float
    state: str = "pending"
    reason: str | None = None
    leased: bool = False


@dataclass
class Failing:
    """A receiver that is left alone."""

    failures: int
    reason: str
    paused_until: float


class InMemoryOutbox:
    """Outbox in dictionaries, for many threads; `down` makes it unreachable."""

    def __init__(self, sink: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.sink = sink
        self.clock = clock
        self.webhooks: dict[uuid.UUID, tuple[str, str, tuple[str, ...]]] = {}
        self.entries: dict[uuid.UUID, Entry] = {}
        self.failing: dict[uuid.UUID, Failing] = {}
        self.down = False
        self._lock = threading.RLock()

    def register(self, url: str, secret: str, *event_types: str) -> uuid.UUID:
        webhook_id = uuid.uuid4()
        self.webhooks[webhook_id] = url, secret, event_types
        return webhook_id

    def unregister(self, webhook_id: uuid.UUID) -> None:
        del self.webhooks[webhook_id]
        self.failing.pop(webhook_id, None)
        self.entries = {
            key: each for key, each in self.entries.items() if each.receiver_id != webhook_id}

    def publish(
        self, event_type: str, subject: str, data: dict[str, Any], has_sink: bool
    ) -> None:
        """What the SQL function of that name does."""
        event_id, now = uuid.uuid4(), self.clock()
        told = [each for each, (_, _, types) in self.webhooks.items() if event_type in types]
        for receiver_id in told + [SINK] * has_sink:
            delivery = Delivery(
                uuid.uuid4(), uuid.uuid4(), event_id, event_type, subject, data, CREATED, 0)
            self.entries[delivery.delivery_id] = Entry(delivery, receiver_id, now, now)

    def receivers(self, count_to: int) -> list[Receiver]:
        with self._reached():
            known = {each: (url, secret) for each, (url, secret, _) in self.webhooks.items()}
            addresses: dict[uuid.UUID, tuple[str, str | None]] = {**known}
            if self.sink:
                addresses[SINK] = self.sink, None
            found = [(due[0].due_at, Receiver(
                receiver_id, *address, failures=self._failures(receiver_id),
                waiting=min(len(due), count_to)))
                for receiver_id, address in addresses.items()
                if (due := self._due(receiver_id))]
            return [receiver for _, receiver in sorted(found, key=lambda each: each[0])]

    def claim(self, receiver: Receiver, size: int, lease_seconds: float) -> list[Delivery]:
        with self._reached():
            due = self._due(receiver.receiver_id)[:size]
            for each in due:
                each.delivery = replace(each.delivery, lease_token=uuid.uuid4())
                each.leased, each.due_at = True, self.clock() + lease_seconds
            return [each.delivery for each in due]

    def remove(self, delivery: Delivery) -> None:
        with self._reached():
            self.entries.pop(delivery.delivery_id, None)

    def note_failure(
        self, delivery: Delivery, reason: str, retry_seconds: float, max_attempts: int
    ) -> bool:
        with self._reached():
            entry = self._held(delivery)
            if entry is None:
                return True
            attempts = delivery.attempts + 1
            entry.delivery = replace(entry.delivery, attempts=attempts)
            entry.leased, entry.reason = False, reason
            entry.state = "pending" if attempts < max_attempts else "dead"
            entry.due_at = self.clock() + (retry_seconds if entry.state == "pending" else 0)
            return entry.state == "pending"

    def release(self, deliveries: Sequence[Delivery]) -> None:
        with self._reached():
            for entry in filter(None, map(self._held, deliveries)):
                entry.leased, entry.due_at = False, self.clock()

    def pause(self, receiver: Receiver, reason: str, seconds: float) -> None:
        with self._reached():
            key, now = receiver.receiver_id, self.clock()
            known = self.failing.get(key)
            if (known is None or known.paused_until <= now) and key in {*self.webhooks, SINK}:
                self.failing[key] = Failing(self._failures(key) + 1, reason, now + seconds)

    def resume(self, receiver: Receiver) -> None:
        with self._reached():
            self.failing.pop(receiver.receiver_id, None)

    def backlog(self) -> list[Backlog]:
        with self._reached():
            now, found = self.clock(), []
            for to_sink in (False, True):
                for state in ("pending", "dead"):
                    ages = [now - each.created_at for each in self.entries.values()
                            if (each.receiver_id == SINK, each.state) == (to_sink, state)]
                    if ages:
                        found.append(Backlog(to_sink, state, len(ages), max(ages)))
            return found

    def expire(self, pending_days: int, dead_days: int) -> int:
        with self._reached():
            now, given_up = self.clock(), 0
            for key, each in list(self.entries.items()):
                if each.state == "dead" and each.due_at < now - dead_days * DAY_SECONDS:
                    del self.entries[key]
                elif (each.state == "pending" and not (each.leased and each.due_at > now)
                        and each.created_at < now - pending_days * DAY_SECONDS):
                    each.state, each.due_at, each.leased = "dead", now, False
                    each.reason = each.reason or "Its turn never came."
                    given_up += 1
            return given_up

    def _due(self, receiver_id: uuid.UUID) -> list[Entry]:
        now = self.clock()
        failing = self.failing.get(receiver_id)
        if failing is not None and failing.paused_until > now:
            return []
        return sorted((
            each for each in self.entries.values() if each.receiver_id == receiver_id
            and each.state == "pending" and each.due_at <= now), key=lambda each: each.due_at)

    def _held(self, delivery: Delivery) -> Entry | None:
        entry = self.entries.get(delivery.delivery_id)
        held = entry and entry.leased and entry.delivery.lease_token == delivery.lease_token
        return entry if held else None

    def _failures(self, receiver_id: uuid.UUID) -> int:
        known = self.failing.get(receiver_id)
        return known.failures if known else 0

    @contextmanager
    def _reached(self) -> Iterator[None]:
        if self.down:
            raise DatabaseUnavailable()
        with self._lock:
            yield


class FakeCourier:
    """Courier whose receivers answer as `answers` says, by URL; the others take everything.

    `told` lists URL and subject of each attempt.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Delivery], Failure | None]] = {}
        self.told: list[tuple[str, str]] = []
        self.opened: list[str] = []

    @contextmanager
    def to(self, receiver: Receiver) -> Iterator[Deliver]:
        """See Courier.to."""
        self.opened.append(receiver.url)

        def deliver(delivery: Delivery) -> Failure | None:
            self.told.append((receiver.url, delivery.subject))
            answer = self.answers.get(receiver.url)
            return answer(delivery) if answer else None

        yield deliver
