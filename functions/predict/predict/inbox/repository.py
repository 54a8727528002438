"""The inbox in PostgreSQL: what was announced of uploads, and who is dealing with it."""
from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from common.db import Database, load_queries
from predict.inbox.events import StorageEvent

_queries = load_queries(Path(__file__).with_name("queries.sql"))

FORGET_AT_ONCE = 10_000

Fault = Literal["gone", "not_a_picture", "too_large", "unknown_user", "exhausted"]


@dataclass(frozen=True)
class ClaimedEvent:
    """An event that is this worker's until its lease runs out; the token tells claims apart.

    `is_classified`: only its upload is left to be removed. `etag` is that of the object that was
    read or, before that, as announced. `owner_known`: its user exists. `is_erased`: the object is
    to be removed, because its picture or its user was erased. `attempts` counts the claims so
    far, this one included.
    """

    event_id: uuid.UUID
    lease_token: uuid.UUID
    object_key: str
    version_id: str
    etag: str
    size_bytes: int | None
    object_modified: datetime | None
    user_id: uuid.UUID | None
    owner_known: bool
    is_classified: bool
    attempts: int
    received_at: datetime
    is_erased: bool = False


@dataclass(frozen=True)
class Backlog:
    """How many events wait to be classified, and how many were given up."""

    pending: int
    dead: int


class Inbox(Protocol):
    """Keeps events of one bucket. Every method raises DatabaseUnavailable.

    Those that take a claim do nothing once the lease is another's.
    """

    def announce(self, events: Sequence[StorageEvent]) -> int:
        """Take in what a notification tells; what is known already changes nothing.

        Answers how many are new.
        """

    def adopt(self, events: Sequence[StorageEvent]) -> int:
        """Take in objects found in the bucket that no event accounts for, as their key, ETag and
        time of writing show. Answers how many that are."""

    def claim(self, lease_seconds: float, newest_first: bool) -> ClaimedEvent | None:
        """An event that is due, those that look like pictures first."""

    def removed(self, event: ClaimedEvent) -> None:
        """The upload of a classified picture is removed: nothing is left to do."""

    def retry(
        self, event: ClaimedEvent, reason: str, delay_seconds: float, excused: bool
    ) -> None:
        """Let it be claimed again later; `excused` takes the attempt back."""

    def supersede(self, event: ClaimedEvent, reason: str) -> None:
        """There is nothing to classify: another event accounts for the object."""

    def bury(
        self, event: ClaimedEvent, fault: Fault, reason: str, modified: datetime | None = None
    ) -> None:
        """Give it up, and have it told; `modified` is when the object read was written."""

    def blank(self, event: ClaimedEvent) -> None:
        """Its object is removed because it was erased: nothing is kept of it but its id."""

    def is_accounted_for(self, event: ClaimedEvent, etag: str) -> bool:
        """Whether the same bytes, by their `etag`, were classified with another event of this
        key not long ago, or something that was written there later."""

    def forget_ended(self, days: int) -> int:
        """Forget some events that ended so many days ago and left nothing in the bucket; answers
        how many. At least two: longer than a second attempt is told by the first."""

    def backlog(self) -> Backlog:
        """What is left to do, and what was given up."""


class PostgresInbox:
    """Inbox on PostgreSQL.

    `has_sink` says whether the deployment has a sink for events; `published` is called when
    something may be in the outbox.
    """

    def __init__(
        self,
        database: Database,
        bucket: str,
        has_sink: bool,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._bucket = bucket
        self._has_sink = has_sink
        self._published = published

    def announce(self, events: Sequence[StorageEvent]) -> int:
        with self._database.transaction() as connection:
            return len([*_queries.announce_events(connection, **_columns(events))])

    def adopt(self, events: Sequence[StorageEvent]) -> int:
        with self._database.transaction() as connection:
            return len([*_queries.adopt_objects(connection, **_columns(events))])

    def claim(self, lease_seconds: float, newest_first: bool) -> ClaimedEvent | None:
        with self._database.autocommit() as connection:
            row = _queries.claim_event(
                connection, bucket=self._bucket, lease_seconds=lease_seconds,
                newest_first=newest_first)
        return ClaimedEvent(**row) if row else None

    def removed(self, event: ClaimedEvent) -> None:
        with self._database.autocommit() as connection:
            _queries.note_removal(connection, **_key(event))

    def retry(
        self, event: ClaimedEvent, reason: str, delay_seconds: float, excused: bool
    ) -> None:
        with self._database.transaction() as connection:
            _queries.retry_event(
                connection, **_key(event), reason=reason, delay_seconds=delay_seconds,
                excused=excused)

    def supersede(self, event: ClaimedEvent, reason: str) -> None:
        with self._database.transaction() as connection:
            _queries.supersede_event(connection, **_key(event), reason=reason)

    def bury(
        self, event: ClaimedEvent, fault: Fault, reason: str, modified: datetime | None = None
    ) -> None:
        with self._database.transaction() as connection:
            [*_queries.bury_event(
                connection, **_key(event), fault=fault, reason=reason, modified=modified,
                has_sink=self._has_sink)]
        self._published()

    def blank(self, event: ClaimedEvent) -> None:
        with self._database.transaction() as connection:
            _queries.blank_event(connection, **_key(event))

    def is_accounted_for(self, event: ClaimedEvent, etag: str) -> bool:
        with self._database.transaction() as connection:
            found: bool = _queries.is_accounted_for(
                connection, event_id=event.event_id, etag=etag)
        return found

    def forget_ended(self, days: int) -> int:
        with self._database.transaction() as connection:
            forgotten: int = _queries.forget_ended(connection, days=days, limit=FORGET_AT_ONCE)
        return forgotten

    def backlog(self) -> Backlog:
        with self._database.transaction() as connection:
            return Backlog(**_queries.count_backlog(connection, bucket=self._bucket))


def _key(event: ClaimedEvent) -> dict[str, uuid.UUID]:
    return {"event_id": event.event_id, "lease_token": event.lease_token}


def _columns(events: Sequence[StorageEvent]) -> dict[str, list[Any]]:
    """Events as one array for each column; in a set order, so that rival writers cannot wait
    for each other in a circle."""
    ordered = sorted(
        events, key=lambda each: (each.bucket, each.key, each.etag, each.sequencer))
    return {
        "buckets": [each.bucket for each in ordered],
        "keys": [each.key for each in ordered],
        "version_ids": [each.version_id for each in ordered],
        "etags": [each.etag for each in ordered],
        "sequencers": [each.sequencer for each in ordered],
        "sizes": [each.size for each in ordered],
        "times": [each.written_at for each in ordered],
        "owners": [each.owner for each in ordered],
        "unlikely": [each.is_unlikely for each in ordered],
    }
