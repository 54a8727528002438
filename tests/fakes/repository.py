"""A prediction repository in memory."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from common.auth import placeholder_email
from common.errors import CommitUnknown, Conflict, DatabaseUnavailable, LeaseLost
from predict.repository import Claim, KeyClaim, PredictionRecord, ShadowRecord, UploadClaim


class InMemoryPredictionRepository:
    """PredictionRepository in dictionaries.

    `models` are the known versions. `down` makes it unreachable; `loses_commits` stores and then
    loses the connection, so that nobody knows; `drops_commits` loses it before. `complete` says
    whether an upload's claim counts, `complete_key` that of a key, which the prediction answers.
    `erased` says when users were erased, on the clock of time.perf_counter.
    """

    def __init__(self, *models: str) -> None:
        self.models = set(models or ("v1",))
        self.users: dict[uuid.UUID, str] = {}
        self.predictions: dict[uuid.UUID, PredictionRecord] = {}
        self.shadows: dict[tuple[uuid.UUID, str], ShadowRecord] = {}
        self.down = False
        self.loses_commits = self.drops_commits = False
        self.complete: Callable[[UploadClaim], bool] = lambda claim: True
        self.complete_key: Callable[[KeyClaim, uuid.UUID], bool] = lambda claim, answer: True
        self.erased: dict[uuid.UUID, float] = {}
        self._lock = threading.Lock()

    def record(
        self, record: PredictionRecord, claim: Claim | None = None, began: float | None = None
    ) -> uuid.UUID:
        if self.down:
            raise DatabaseUnavailable()
        if self.drops_commits:
            raise CommitUnknown()
        prediction_id = uuid.uuid4()
        with self._lock:
            if isinstance(claim, UploadClaim) and not self.complete(claim):
                raise LeaseLost()
            stored = self.predictions.values()
            if (record.model_version not in self.models
                    or record.image_id in {one.image_id for one in stored}
                    or record.object_key in {one.object_key for one in stored}):
                raise Conflict()
            if began is not None and self.erased.get(record.user_id, began) > began:
                raise Conflict()
            if isinstance(claim, KeyClaim) and not self.complete_key(claim, prediction_id):
                raise LeaseLost()
            self._settle_email(record)
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
