"""A prediction repository in memory."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from common.auth import placeholder_email
from common.errors import CommitUnknown, Conflict, DatabaseUnavailable, LeaseLost
from predict.repository import PredictionRecord, ShadowRecord, UploadClaim


class InMemoryPredictionRepository:
    """PredictionRepository in dictionaries.

    `models` are the known versions. `down` makes it unreachable; `loses_commits` stores and then
    loses the connection, so that nobody knows. `complete` says whether an upload's claim counts.
    """

    def __init__(self, *models: str) -> None:
        self.models = set(models or ("v1",))
        self.users: dict[uuid.UUID, str] = {}
        self.predictions: dict[uuid.UUID, PredictionRecord] = {}
        self.shadows: dict[tuple[uuid.UUID, str], ShadowRecord] = {}
        self.down = False
        self.loses_commits = False
        self.complete: Callable[[UploadClaim], bool] = lambda claim: True
        self._lock = threading.Lock()

    def record(self, record: PredictionRecord, claim: UploadClaim | None = None) -> uuid.UUID:
        if self.down:
            raise DatabaseUnavailable()
        with self._lock:
            if claim is not None and not self.complete(claim):
                raise LeaseLost()
            stored = self.predictions.values()
            if (record.model_version not in self.models
                    or record.image_id in {one.image_id for one in stored}
                    or record.object_key in {one.object_key for one in stored}):
                raise Conflict()
            self._settle_email(record)
            prediction_id = uuid.uuid4()
            self.predictions[prediction_id] = record
        if self.loses_commits:
            raise CommitUnknown()
        return prediction_id

    def record_shadow(self, record: ShadowRecord) -> None:
        if self.down:
            raise DatabaseUnavailable()
        version = record.lineage["model_version"]
        with self._lock:
            if record.prediction_id not in self.predictions or version not in self.models:
                raise Conflict()
            self.shadows.setdefault((record.prediction_id, version), record)

    def _settle_email(self, record: PredictionRecord) -> None:
        owner, email = record.user_id, record.email
        taken = email in {other for user, other in self.users.items() if user != owner}
        if email is None:
            self.users.setdefault(owner, placeholder_email(owner))
        else:
            self.users[owner] = placeholder_email(owner) if taken else email
