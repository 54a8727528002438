"""What is to be told to whom, in PostgreSQL."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries
from common.errors import Conflict

_queries = load_queries(Path(__file__).with_name("queries.sql"))

# A bound on how long one statement takes.
MAX_ROWS = 10_000


@dataclass(frozen=True)
class Receiver:
    """Somebody who is to be told something now.

    Its key signs what it is told; the sink has none. `failures` counts those since it last took
    something, `waiting` the deliveries that are due.
    """

    receiver_id: uuid.UUID
    url: str
    secret: str | None = field(repr=False)
    failures: int
    waiting: int


@dataclass(frozen=True)
class Delivery:
    """An event for one receiver, until its lease runs out; the token tells claims apart.

    The event's id is the same for all receivers. `attempts` counts those that failed.
    """

    delivery_id: uuid.UUID
    lease_token: uuid.UUID
    event_id: uuid.UUID
    event_type: str
    subject: str
    data: dict[str, Any]
    created_at: datetime
    attempts: int


@dataclass(frozen=True)
class Backlog:
    """The deliveries in one state, to the sink or to all webhooks together."""

    to_sink: bool
    state: str
    deliveries: int
    oldest_seconds: float


class Outbox(Protocol):
    """Hands out deliveries. Every method raises DatabaseUnavailable.

    What is said of a delivery whose lease has passed to another, or which is gone with its
    webhook, changes nothing.
    """

    def receivers(self, count_to: int) -> list[Receiver]:
        """Those to whom something is due and who are not left alone, longest waiting first.

        `waiting` is counted no further than `count_to`.
        """

    def claim(self, receiver: Receiver, size: int, lease_seconds: float) -> list[Delivery]:
        """The oldest deliveries that are due and nobody's; none while the receiver is paused."""

    def remove(self, delivery: Delivery) -> None:
        """It was delivered; this is so even if another has claimed it meanwhile."""

    def note_failure(
        self, delivery: Delivery, reason: str, retry_seconds: float, max_attempts: int
    ) -> bool:
        """An attempt failed: try again after so many seconds. False if it was the last one."""

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """They were claimed and not attempted."""

    def pause(self, receiver: Receiver, reason: str, seconds: float) -> None:
        """Have nobody claim anything for a receiver that failed, unless it is paused already."""

    def resume(self, receiver: Receiver) -> None:
        """The receiver answers again."""

    def backlog(self) -> list[Backlog]:
        """What there is, by receiver and state."""

    def expire(self, pending_days: int, dead_days: int) -> int:
        """Give up what has waited for so many days, and forget what was given up long ago.

        Answers how many were given up.
        """


class PostgresOutbox:
    """Outbox on PostgreSQL; `sink` is the URL of the deployment's, or empty."""

    def __init__(self, database: Database, sink: str = "") -> None:
        self._database = database
        self._sink = sink

    def receivers(self, count_to: int) -> list[Receiver]:
        with self._database.transaction() as connection:
            return [Receiver(**row) for row in _queries.due_receivers(
                connection, sink=self._sink, count_to=count_to)]

    def claim(self, receiver: Receiver, size: int, lease_seconds: float) -> list[Delivery]:
        with self._database.transaction() as connection:
            return [Delivery(**row) for row in _queries.claim_deliveries(
                connection, receiver_id=receiver.receiver_id, size=size,
                lease_seconds=lease_seconds)]

    def remove(self, delivery: Delivery) -> None:
        with self._database.transaction() as connection:
            _queries.remove_delivery(connection, delivery_id=delivery.delivery_id)

    def note_failure(
        self, delivery: Delivery, reason: str, retry_seconds: float, max_attempts: int
    ) -> bool:
        with self._database.transaction() as connection:
            state = _queries.note_failure(
                connection, delivery_id=delivery.delivery_id, lease_token=delivery.lease_token,
                reason=reason, retry_seconds=retry_seconds, max_attempts=max_attempts)
        return bool(state != "dead")

    def release(self, deliveries: Sequence[Delivery]) -> None:
        with self._database.transaction() as connection:
            _queries.release_deliveries(
                connection, deliveries=[each.delivery_id for each in deliveries],
                tokens=[each.lease_token for each in deliveries])

    def pause(self, receiver: Receiver, reason: str, seconds: float) -> None:
        with suppress(Conflict), self._database.transaction() as connection:
            # A webhook that was removed meanwhile cannot be paused.
            _queries.pause_receiver(
                connection, receiver_id=receiver.receiver_id, reason=reason, seconds=seconds)

    def resume(self, receiver: Receiver) -> None:
        with self._database.transaction() as connection:
            _queries.forget_failures(connection, receiver_id=receiver.receiver_id)

    def backlog(self) -> list[Backlog]:
        with self._database.transaction() as connection:
            return [Backlog(**row) for row in _queries.count_deliveries(connection)]

    def expire(self, pending_days: int, dead_days: int) -> int:
        with self._database.transaction() as connection:
            _queries.remove_dead(connection, days=dead_days, most=MAX_ROWS)
        with self._database.transaction() as connection:
            given_up: int = _queries.give_up_old(connection, days=pending_days, most=MAX_ROWS)
        return given_up
