"""An inbox in memory."""
from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from common.errors import DatabaseUnavailable
from predict.inbox.events import StorageEvent
from predict.inbox.repository import Backlog, ClaimedEvent, Fault
from predict.repository import UploadClaim

OPEN = {"pending", "classified"}
# A key that was given out with a form; this inbox knows of no form that is still good.
FORM = re.compile(r"uploads/[^/]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/")
TOLERANCE = timedelta(seconds=5)


@dataclass
class Row:
    """What is kept of an event."""

    event: StorageEvent
    announced_by: str
    state: str = "pending"
    fault: Fault | None = None
    reason: str | None = None
    attempts: int = 0
    due_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    lease_token: uuid.UUID | None = None
    etag: str | None = None
    modified: datetime | None = None
    finished_at: datetime | None = None
    removed_at: datetime | None = None
    received_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


class InMemoryInbox:
    """Inbox in a dictionary; `users` are those who exist, `down` makes it unreachable.

    `told` are the events given up that were announced to the outside, `erased` says when users
    were erased, and `doomed` are keys and ETags of objects that are going to be removed.
    """

    def __init__(self, bucket: str = "images") -> None:
        self.bucket = bucket
        self.rows: dict[uuid.UUID, Row] = {}
        self.users: set[uuid.UUID] = set()
        self.told: list[uuid.UUID] = []
        self.erased: dict[uuid.UUID, datetime] = {}
        self.doomed: set[tuple[str, str]] = set()
        self.down = False
        self._lock = threading.RLock()

    def announce(self, events: Sequence[StorageEvent]) -> int:
        with self._reached():
            return sum(self._insert(each, "notification") for each in events)

    def adopt(self, events: Sequence[StorageEvent]) -> int:
        with self._reached():
            return sum(self._insert(each, "sweep") for each in events
                       if not any(_accounts(row, each) for row in self.rows.values()))

    def claim(self, lease_seconds: float, newest_first: bool) -> ClaimedEvent | None:
        with self._reached():
            now = datetime.now(timezone.utc)
            due = [(row.event.is_unlikely, row.received_at.timestamp() * (
                    -1 if newest_first else 1), number, event_id)
                   for number, (event_id, row) in enumerate(self.rows.items())
                   if row.state in OPEN and row.due_at <= now
                   and row.event.bucket == self.bucket]
            if not due:
                return None
            event_id = min(due)[-1]
            row = self.rows[event_id]
            row.lease_token = uuid.uuid4()
            row.due_at = now + timedelta(seconds=lease_seconds)
            row.attempts += 1
            return ClaimedEvent(
                event_id, row.lease_token, row.event.key, row.event.version_id,
                row.etag or row.event.etag, row.event.size, row.modified, row.event.owner,
                row.event.owner in self.users, row.state == "classified", row.attempts,
                row.received_at, row.state == "pending" and self._is_erased(row))

    def removed(self, event: ClaimedEvent) -> None:
        with self._reached():
            if row := self._held(event.event_id, event.lease_token, {"classified"}):
                row.state, row.removed_at = "done", datetime.now(timezone.utc)

    def retry(
        self, event: ClaimedEvent, reason: str, delay_seconds: float, excused: bool
    ) -> None:
        with self._reached():
            if row := self._held(event.event_id, event.lease_token, OPEN):
                row.reason = reason if row.state == "pending" else None
                row.due_at = datetime.now(timezone.utc) + timedelta(seconds=delay_seconds)
                row.attempts -= excused
                row.lease_token = None

    def supersede(self, event: ClaimedEvent, reason: str) -> None:
        with self._reached():
            if row := self._held(event.event_id, event.lease_token, {"pending"}):
                row.state, row.reason = "superseded", reason
                row.finished_at = datetime.now(timezone.utc)

    def bury(
        self, event: ClaimedEvent, fault: Fault, reason: str, modified: datetime | None = None
    ) -> None:
        with self._reached():
            if row := self._held(event.event_id, event.lease_token, {"pending"}):
                row.state, row.fault, row.reason, row.modified = "dead", fault, reason, modified
                row.finished_at = datetime.now(timezone.utc)
                self.told.append(event.event_id)

    def blank(self, event: ClaimedEvent) -> None:
        with self._reached():
            if row := self._held(event.event_id, event.lease_token, {"pending"}):
                row.state, row.reason = "erased", None
                row.finished_at = datetime.now(timezone.utc)
                row.event = StorageEvent(row.event.bucket, f"erased/{event.event_id}")

    def is_accounted_for(self, event: ClaimedEvent, etag: str) -> bool:
        with self._reached():
            mine = self.rows[event.event_id]
            written_at = mine.event.written_at
            return any(
                _is_repetition(other, mine, etag)
                or (_is_classified(other, mine) and other.modified is not None
                    and (written_at is None or other.modified >= written_at - TOLERANCE))
                for other in self.rows.values())

    def forget_ended(self, days: int) -> int:
        with self._reached():
            before = datetime.now(timezone.utc) - timedelta(days=days)
            recent = {(row.event.bucket, row.event.key) for row in self.rows.values()
                      if row.finished_at is None or row.finished_at >= before}
            ended = [event_id for event_id, row in self.rows.items()
                     if _has_left_nothing(row) and (row.event.bucket, row.event.key) not in recent]
            for event_id in ended:
                del self.rows[event_id]
            return len(ended)

    def backlog(self) -> Backlog:
        with self._reached():
            states = [row.state for row in self.rows.values()]
            return Backlog(states.count("pending"), states.count("dead"))

    def complete(self, claim: UploadClaim) -> bool:
        """What a prediction repository does in its transaction: see UploadClaim."""
        with self._reached():
            row = self._held(claim.event_id, claim.lease_token, {"pending"})
            if row is None or any(
                    _is_repetition(other, row, claim.etag) for other in self.rows.values()):
                return False
            row.finished_at = datetime.now(timezone.utc)
            row.state = "done" if claim.keep else "classified"
            row.etag, row.modified, row.reason = claim.etag, claim.modified, None
            return True

    def _is_erased(self, row: Row) -> bool:
        owner = row.event.owner
        if (row.event.key, row.event.etag) in self.doomed:
            return True
        if owner is None or owner not in self.erased:
            return False
        written, erased = row.event.written_at or row.received_at, self.erased[owner]
        return (owner not in self.users or written <= erased + TOLERANCE
                or (written <= erased + timedelta(minutes=10)
                    and FORM.match(row.event.key) is not None))

    def _insert(self, event: StorageEvent, announced_by: str) -> bool:
        if (event.key, event.etag) in self.doomed:
            return False
        for row in self.rows.values():
            same = row.event.bucket == event.bucket and row.event.key == event.key \
                and row.event.etag == event.etag
            if same and (row.state in OPEN or (
                    row.event.version_id == event.version_id
                    and row.event.sequencer == event.sequencer)):
                return False
        self.rows[uuid.uuid4()] = Row(event, announced_by)
        return True

    def _held(
        self, event_id: uuid.UUID, lease_token: uuid.UUID, states: set[str]
    ) -> Row | None:
        row = self.rows[event_id]
        return row if row.lease_token == lease_token and row.state in states else None

    def _reached(self) -> threading.RLock:
        if self.down:
            raise DatabaseUnavailable()
        return self._lock


def _accounts(row: Row, found: StorageEvent) -> bool:
    """Whether an event accounts for an object found in the bucket."""
    if (row.event.bucket, row.event.key) != (found.bucket, found.key) \
            or found.etag not in (row.event.etag, row.etag):
        return False
    assert found.written_at is not None
    if row.state == "dead":
        known = row.modified or row.event.written_at
        return (row.fault != "gone" and known is not None
                and known >= found.written_at - TOLERANCE)
    return (row.state == "done" and row.removed_at is None and row.modified is not None
            and row.modified >= found.written_at.replace(microsecond=0))


def _has_left_nothing(row: Row) -> bool:
    """Whether an event has ended and its object is not in the bucket any more."""
    return (row.state == "superseded" or (row.state == "done" and row.removed_at is not None)
            or (row.state == "dead" and row.fault == "gone"))


def _is_classified(other: Row, mine: Row) -> bool:
    """Whether another event of the same key was classified."""
    return (other is not mine and other.state in ("classified", "done")
            and (other.event.bucket, other.event.key) == (mine.event.bucket, mine.event.key))


def _is_repetition(other: Row, mine: Row, etag: str) -> bool:
    """Whether the same bytes under the same key were classified within a day."""
    return (_is_classified(other, mine) and other.etag == etag and other.finished_at is not None
            and other.finished_at > datetime.now(timezone.utc) - timedelta(days=1))
