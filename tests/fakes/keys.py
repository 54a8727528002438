"""Idempotency keys in memory."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from common.errors import DatabaseUnavailable
from predict.idempotency.key import RequestKey
from predict.idempotency.repository import KeyState, StoredAnswer
from predict.repository import KeyClaim

DAY = timedelta(days=1)


@dataclass
class Row:
    """What is kept of a key."""

    request_digest: bytes | None
    created_at: datetime
    lease_until: datetime
    lease_token: uuid.UUID
    prediction_id: uuid.UUID | None = None


class InMemoryKeys:
    """KeyRepository in a dictionary; `answer` finds what was recorded under an id.

    `down` makes it unreachable.
    """

    def __init__(self, answer: Callable[[uuid.UUID], StoredAnswer | None]) -> None:
        self.rows: dict[tuple[uuid.UUID, bytes], Row] = {}
        self.down = False
        self._answer = answer
        self._lock = threading.RLock()

    def claim(self, key: RequestKey, lease_seconds: float) -> KeyClaim | None:
        now, place = self._reach(), (key.user_id, key.key_digest)
        with self._lock:
            known = self.rows.get(place)
            if known is not None and known.created_at > now - DAY and (
                    known.prediction_id is not None or known.lease_until > now
                    or known.request_digest != key.request_digest):
                return None
            self.rows[place] = row = Row(
                key.request_digest, now, now + timedelta(seconds=lease_seconds), uuid.uuid4())
        return KeyClaim(key.user_id, key.key_digest, row.lease_token)

    def find(self, key: RequestKey) -> KeyState | None:
        now = self._reach()
        row = self.rows.get((key.user_id, key.key_digest))
        if row is None or row.created_at <= now - DAY:
            return None
        answer = row.prediction_id and self._answer(row.prediction_id)
        return KeyState(
            row.request_digest, row.prediction_id is not None, row.lease_until <= now,
            answer or None)

    def settle(self, claim: KeyClaim) -> bool:
        self._reach()
        with self._lock:
            row = self._held(claim)
            return row is not None and row.prediction_id is not None

    def release(self, claim: KeyClaim) -> None:
        self._reach()
        with self._lock:
            row = self._held(claim)
            if row is not None and row.prediction_id is None:
                del self.rows[claim.user_id, claim.key_digest]

    def forget_expired(self) -> int:
        now = self._reach()
        with self._lock:
            old = [place for place, row in self.rows.items() if row.created_at <= now - DAY]
            for place in old:
                del self.rows[place]
        return len(old)

    def complete(self, claim: KeyClaim, prediction_id: uuid.UUID) -> bool:
        """What a prediction repository does in its transaction."""
        with self._lock:
            row = self._held(claim)
            if row is None or row.prediction_id is not None:
                return False
            row.prediction_id = prediction_id
            return True

    def _held(self, claim: KeyClaim) -> Row | None:
        row = self.rows.get((claim.user_id, claim.key_digest))
        return row if row is not None and row.lease_token == claim.lease_token else None

    def _reach(self) -> datetime:
        if self.down:
            raise DatabaseUnavailable()
        return datetime.now(timezone.utc)


def stored_answer(prediction_id: uuid.UUID, record: object) -> StoredAnswer:
    """A record as the answer to a request that is sent again."""
    return StoredAnswer(prediction_id, **{
        name: getattr(record, name)
        for name in ("image_id", "model_version", "prediction_time_ms", "top_k")})
