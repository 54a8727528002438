"""Allowed uploads in PostgreSQL, and what became of them."""
from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from common.auth import placeholder_email
from common.db import Database, load_queries
from common.errors import Conflict

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class AllowedUpload:
    """An object that a user may store until `expires_at`."""

    upload_id: uuid.UUID
    user_id: uuid.UUID
    object_key: str
    filename: str
    content_type: str
    expires_at: datetime


class UploadRepository(Protocol):
    """Keeps allowed uploads. Every method raises DatabaseUnavailable."""

    def add(self, upload: AllowedUpload, email: str | None) -> None:
        """Store an upload and its owner, whose address is `email` unless another user has it.

        None leaves the address known of the owner. Raises Conflict if the owner is erased at the
        same moment.
        """

    def find(self, upload_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        """An upload, if it belongs to `owner`, with its event; None owns everything.

        The event is the newest of its object that is not superseded: `event_state`, `fault`,
        `reason` and, once it is classified, `image_id`, `prediction_id`, `predicted_class` and
        `confidence_score`. All of these are None where there is nothing to tell.
        """


class PostgresUploadRepository:
    """UploadRepository on PostgreSQL; `bucket` is the one that uploads go to."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._database = database
        self._bucket = bucket

    def add(self, upload: AllowedUpload, email: str | None) -> None:
        parameters = {
            **asdict(upload), "email": email, "began": time.perf_counter(),
            "placeholder_email": placeholder_email(upload.user_id)}
        try:
            self._insert(parameters)
        except Conflict:
            # Another request created the same user or took the address between the statement's
            # look and its write; the next look sees that.
            self._insert(parameters)

    def find(self, upload_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        with self._database.transaction() as connection:
            row: Row | None = _queries.find_upload(
                connection, upload_id=upload_id, owner=owner, bucket=self._bucket)
        return row

    def _insert(self, parameters: dict[str, Any]) -> None:
        with self._database.transaction() as connection:
            elapsed = time.perf_counter() - parameters["began"]
            _queries.insert_upload(connection, **parameters, elapsed=elapsed)
