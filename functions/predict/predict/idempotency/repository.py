"""Idempotency keys in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from common.db import Database, load_queries
from predict.idempotency.key import RequestKey
from predict.repository import KeyClaim

_queries = load_queries(Path(__file__).with_name("queries.sql"))

FORGET_AT_ONCE = 10_000


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it was recorded; `top_k` has each class as Score.as_json() gives it."""

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    model_version: str
    prediction_time_ms: int
    top_k: list[dict[str, Any]]


@dataclass(frozen=True)
class KeyState:
    """What became of a key's request.

    `request_digest` is None if its picture was erased. `answer` is None as long as there is
    none, and if it was erased. `is_dead`: whoever worked on it has not answered in time.
    """

    request_digest: bytes | None
    is_answered: bool
    is_dead: bool
    answer: StoredAnswer | None


class KeyRepository(Protocol):
    """Keeps keys for a day. Every method raises DatabaseUnavailable.

    That a claim is answered is written by PredictionRepository.record.
    """

    def claim(self, key: RequestKey, lease_seconds: float) -> KeyClaim | None:
        """Take a key that is new, or whose request was the same and died; None if it is not."""

    def find(self, key: RequestKey) -> KeyState | None:
        """What is known of a key; None if nothing is, or no longer."""

    def settle(self, claim: KeyClaim) -> bool:
        """Whether a claim was answered, now that nobody is answering it any more."""

    def release(self, claim: KeyClaim) -> None:
        """Forget a claim, unless it was answered or is another's."""

    def forget_expired(self) -> int:
        """Forget keys that are older than a day; answers how many."""


class PostgresKeyRepository:
    """KeyRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: RequestKey, lease_seconds: float) -> KeyClaim | None:
        with self._database.transaction() as connection:
            _queries.commit_lazily(connection)
            token = _queries.claim_key(connection, **asdict(key), lease_seconds=lease_seconds)
        return KeyClaim(key.user_id, key.key_digest, token) if token else None

    def find(self, key: RequestKey) -> KeyState | None:
        with self._database.transaction() as connection:
            row = _queries.find_key(connection, **asdict(key))
        if row is None:
            return None
        digest, is_answered, is_dead = (
            row.pop(name) for name in ("request_digest", "is_answered", "is_dead"))
        return KeyState(
            digest and bytes(digest), is_answered, is_dead,
            StoredAnswer(**row) if row["prediction_id"] else None)

    def settle(self, claim: KeyClaim) -> bool:
        with self._database.transaction() as connection:
            return _queries.settle_key(connection, **asdict(claim)) is not None

    def release(self, claim: KeyClaim) -> None:
        with self._database.transaction() as connection:
            _queries.release_key(connection, **asdict(claim))

    def forget_expired(self) -> int:
        with self._database.transaction() as connection:
            forgotten: int = _queries.forget_expired(connection, limit=FORGET_AT_ONCE)
        return forgotten
