"""Erasures in memory."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from common.audit import Origin
from common.errors import DatabaseUnavailable
from history.erasure.repository import Begun, ErasureClaim, ObjectToRemove

IMAGE, USER = "image", "user"


@dataclass
class Row:
    """What is kept of an erasure; `objects` are those to remove, and from when on."""

    kind: str
    subject_id: uuid.UUID
    owner_id: uuid.UUID | None
    due_at: datetime
    lease_token: uuid.UUID | None
    objects: dict[ObjectToRemove, datetime] = field(default_factory=dict)
    requested_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    attempts: int = 1
    reason: str | None = None
    finished_at: datetime | None = None


class InMemoryErasures:
    """ErasureRepository in dictionaries; `down` makes it unreachable.

    `images` are the pictures with their owners and keys, `uploads` the users who have put
    something into the bucket. `audit` has the action and the subject of each line.
    """

    def __init__(self) -> None:
        self.images: dict[uuid.UUID, tuple[uuid.UUID, str]] = {}
        self.uploads: set[uuid.UUID] = set()
        self.rows: dict[uuid.UUID, Row] = {}
        self.audit: list[tuple[str, str]] = []
        self.down = False

    def erase_image(
        self, image_id: uuid.UUID, owner: uuid.UUID | None, origin: Origin, lease_seconds: float
    ) -> Begun | None:
        self._reach()
        user_id, key = self.images.get(image_id, (None, ""))
        if user_id is None or owner not in (None, user_id):
            return self._resume(IMAGE, image_id, owner, lease_seconds)
        del self.images[image_id]
        return self._begin(IMAGE, image_id, user_id, [key], lease_seconds)

    def erase_user(self, user_id: uuid.UUID, origin: Origin, lease_seconds: float) -> Begun:
        self._reach()
        images = {image_id: key for image_id, (owner, key) in self.images.items()
                  if owner == user_id}
        if not images and user_id not in self.uploads:
            known = self._resume(USER, user_id, None, lease_seconds)
            if known is not None:
                return known
        self.images = {image_id: image for image_id, image in self.images.items()
                       if image_id not in images}
        self.uploads.discard(user_id)
        for row in self.rows.values():
            if row.owner_id == user_id:
                row.owner_id = None
        return self._begin(USER, user_id, None, [*images.values()], lease_seconds)

    def claim(self, lease_seconds: float) -> ErasureClaim | None:
        now = self._reach()
        due = [(row.due_at, erasure_id) for erasure_id, row in self.rows.items()
               if row.finished_at is None and row.due_at <= now]
        return self._take(min(due)[1], lease_seconds) if due else None

    def objects(self, claim: ErasureClaim, limit: int) -> list[ObjectToRemove]:
        now = self._reach()
        return [doomed for doomed, due_at in self.rows[claim.erasure_id].objects.items()
                if due_at <= now][:limit]

    def removed(
        self, claim: ErasureClaim, objects: Sequence[ObjectToRemove], lease_seconds: float
    ) -> bool:
        now = self._reach()
        row = self._held(claim)
        if row is None:
            return False
        row.due_at = now + timedelta(seconds=lease_seconds)
        for doomed in objects:
            row.objects.pop(doomed, None)
        return True

    def finish(self, claim: ErasureClaim) -> bool:
        now = self._reach()
        row = self._held(claim)
        if row is None or row.objects:
            return False
        row.finished_at, row.lease_token, row.reason = now, None, None
        self.audit.append((f"{row.kind}.erased", str(row.subject_id)))
        return True

    def put_back(self, claim: ErasureClaim, reason: str | None, delay_seconds: float) -> None:
        now = self._reach()
        if row := self._held(claim):
            row.lease_token, row.reason = None, reason
            row.due_at = max(
                now + timedelta(seconds=delay_seconds), min(row.objects.values(), default=now))

    def unfinished(self) -> int:
        self._reach()
        return sum(row.finished_at is None for row in self.rows.values())

    def was_erased(self, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        """What readers tell of a picture or a user."""
        return any((row.kind, row.subject_id) == (kind, subject_id)
                   and owner in (None, row.owner_id) for row in self.rows.values())

    def _begin(
        self, kind: str, subject_id: uuid.UUID, owner_id: uuid.UUID | None, keys: list[str],
        lease_seconds: float,
    ) -> Begun:
        erasure_id, now = uuid.uuid4(), self._reach()
        self.rows[erasure_id] = row = Row(
            kind, subject_id, owner_id, now + timedelta(seconds=lease_seconds), uuid.uuid4(),
            {ObjectToRemove(key, ""): now for key in keys})
        self.audit.append((f"{kind}.delete", str(subject_id)))
        return Begun(False, _claim(erasure_id, row))

    def _resume(
        self, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None, lease_seconds: float
    ) -> Begun | None:
        found = [(row.requested_at, erasure_id) for erasure_id, row in self.rows.items()
                 if (row.kind, row.subject_id) == (kind, subject_id)
                 and owner in (None, row.owner_id)]
        if not found:
            return None
        erasure_id = max(found)[1]
        row = self.rows[erasure_id]
        if row.finished_at is not None:
            return Begun(True, None)
        free = row.lease_token is None or row.due_at <= datetime.now(timezone.utc)
        return Begun(False, self._take(erasure_id, lease_seconds) if free else None)

    def _take(self, erasure_id: uuid.UUID, lease_seconds: float) -> ErasureClaim:
        row = self.rows[erasure_id]
        row.lease_token, row.attempts = uuid.uuid4(), row.attempts + 1
        row.due_at = datetime.now(timezone.utc) + timedelta(seconds=lease_seconds)
        return _claim(erasure_id, row)

    def _held(self, claim: ErasureClaim) -> Row | None:
        row = self.rows[claim.erasure_id]
        return row if row.lease_token == claim.lease_token else None

    def _reach(self) -> datetime:
        if self.down:
            raise DatabaseUnavailable()
        return datetime.now(timezone.utc)


def _claim(erasure_id: uuid.UUID, row: Row) -> ErasureClaim:
    assert row.lease_token is not None
    return ErasureClaim(
        erasure_id, row.kind, row.subject_id, row.requested_at, row.lease_token, row.attempts)
