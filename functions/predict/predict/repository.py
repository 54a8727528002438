"""What predict writes to PostgreSQL."""
from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Union

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from common.auth import placeholder_email
from common.db import Database, load_queries
from common.errors import Conflict, LeaseLost, NotFound
from common.inference.model import Lineage

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class PredictionRecord:
    """One answer with its picture, its owner and its lineage; `email` None leaves the owner's."""

    user_id: uuid.UUID
    email: str | None
    image_id: uuid.UUID
    filename: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: bytes
    width: int
    height: int
    brightness: float
    source: str
    model_version: str
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: list[dict[str, Any]]
    request_id: str
    engine: str
    model_digest: str
    twin_digest: str | None
    preprocessing_digest: str


@dataclass(frozen=True)
class ShadowRecord:
    """What the shadow model makes of an answered picture; `lineage` as Model.lineage() gives."""

    prediction_id: uuid.UUID
    predicted_class: str
    confidence_score: float
    prediction_time_ms: int
    top_k: list[dict[str, Any]]
    lineage: Lineage


@dataclass(frozen=True)
class StoredPicture:
    """A picture that was recorded before; `sha256` of its bytes is None if nobody noted it."""

    image_id: uuid.UUID
    user_id: uuid.UUID
    filename: str
    object_key: str
    size_bytes: int
    sha256: bytes | None


@dataclass(frozen=True)
class UploadClaim:
    """A claim on the event of an uploaded picture, and which writing of the object was read.

    `keep` leaves the upload where it is; otherwise its removal is still to be done.
    """

    event_id: uuid.UUID
    lease_token: uuid.UUID
    etag: str
    modified: datetime
    keep: bool


@dataclass(frozen=True)
class KeyClaim:
    """A claim on a user's Idempotency-Key, of which the SHA-256 is kept."""

    user_id: uuid.UUID
    key_digest: bytes
    lease_token: uuid.UUID


Claim = Union[UploadClaim, KeyClaim]


class PredictionRepository(Protocol):
    """Keeps predictions."""

    def record(
        self, record: PredictionRecord, claim: Claim | None = None, began: float | None = None
    ) -> uuid.UUID:
        """Store everything or nothing; answers the prediction's id.

        That the event or the key of `claim` is dealt with is part of it. Raises LeaseLost when
        it is dealt with by another, Conflict if the user was erased since the request `began`,
        on the clock of time.perf_counter, DatabaseUnavailable, and CommitUnknown if everything
        may have been stored after all.
        """

    def record_again(self, record: PredictionRecord, claim: KeyClaim | None = None) -> uuid.UUID:
        """Store another prediction of a picture that is there; answers its id.

        Raises NotFound if the owner has no such picture, or no longer, and else what `record`
        does.
        """

    def find_picture(
        self, image_id: uuid.UUID, owner: uuid.UUID | None
    ) -> StoredPicture | None:
        """A picture, if it belongs to `owner`; None owns everything. Raises DatabaseUnavailable.
        """

    def record_shadow(self, record: ShadowRecord) -> None:
        """Store what the shadow model says, unless it did already. Raises DatabaseUnavailable."""


class PostgresPredictionRepository:
    """PredictionRepository on PostgreSQL: one statement for what comes by HTTP.

    `has_sink` says whether the deployment has a sink for events; `published` is called when
    something may be in the outbox.
    """

    def __init__(
        self,
        database: Database,
        has_sink: bool = False,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._has_sink = has_sink
        self._published = published

    def record(
        self, record: PredictionRecord, claim: Claim | None = None, began: float | None = None
    ) -> uuid.UUID:
        parameters = {
            **self._parameters(record),
            "began": time.perf_counter() if began is None else began,
            "placeholder_email": placeholder_email(record.user_id),
        }
        try:
            return self._insert(parameters, claim)
        except LeaseLost:
            raise
        except Conflict:
            # Another request created the same user or took the address between the statement's
            # look and its write; the next look sees that.
            return self._insert(parameters, claim)

    def record_again(self, record: PredictionRecord, claim: KeyClaim | None = None) -> uuid.UUID:
        parameters = self._parameters(record)
        with self._database.transaction() as connection:
            if claim is not None:
                _complete(connection, claim, parameters["prediction_id"])
            prediction_id: uuid.UUID | None = _queries.record_again(connection, **parameters)
            if prediction_id is None:
                raise NotFound("There is no such image.")
        self._published()
        return prediction_id

    def find_picture(
        self, image_id: uuid.UUID, owner: uuid.UUID | None
    ) -> StoredPicture | None:
        with self._database.transaction() as connection:
            row = _queries.find_picture(connection, image_id=image_id, owner=owner)
        if row is None:
            return None
        return StoredPicture(**{**row, "sha256": row["sha256"] and bytes(row["sha256"])})

    def record_shadow(self, record: ShadowRecord) -> None:
        parameters = {**asdict(record), **record.lineage, "top_k": Json(record.top_k)}
        with self._database.transaction() as connection:
            _queries.record_shadow_prediction(connection, **parameters)

    def _parameters(self, record: PredictionRecord) -> dict[str, Any]:
        return {**vars(record), "prediction_id": uuid.uuid4(), "top_k": Json(record.top_k),
                "has_sink": self._has_sink}

    def _insert(self, parameters: dict[str, Any], claim: Claim | None) -> uuid.UUID:
        with self._database.transaction() as connection:
            elapsed = time.perf_counter() - parameters["began"]
            if claim is not None:
                _complete(connection, claim, parameters["prediction_id"])
            prediction_id: uuid.UUID = _queries.record_prediction(
                connection, **parameters, elapsed=elapsed)
        self._published()
        return prediction_id


def _complete(connection: Connection, claim: Claim, prediction_id: uuid.UUID) -> None:
    parameters = {**asdict(claim), "prediction_id": prediction_id}
    if isinstance(claim, KeyClaim):
        completed = _queries.complete_key(connection, **parameters)
    else:
        completed = _queries.complete_upload(connection, **parameters)
    if completed is None:
        raise LeaseLost()
