"""A prediction repository in memory."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from common.auth import placeholder_email
from common.errors import CommitUnknown, Conflict, DatabaseUnavailable, LeaseLost, NotFound
from predict.repository import (
    Claim, KeyClaim, PredictionRecord, ShadowRecord, StoredPicture, UploadClaim)


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

    def record_again(self, record: PredictionRecord, claim: KeyClaim | None = None) -> uuid.UUID:
        prediction_id = uuid.uuid4()
        if self.find_picture(record.image_id, record.user_id) is None:
            raise NotFound("There is no such image.")
        if record.model_version not in self.models:
            raise Conflict()
        with self._lock:
            if claim is not None and not self.complete_key(claim, prediction_id):
                raise LeaseLost()
            self.predictions[prediction_id] = record
        return prediction_id

    def find_picture(
        self, image_id: uuid.UUID, owner: uuid.UUID | None
    ) -> StoredPicture | None:
        if self.down:
            raise DatabaseUnavailable()
        for each in self.predictions.values():
            if each.image_id == image_id and owner in (None, each.user_id):
                return StoredPicture(image_id, each.user_id, each.filename, each.object_key,
                                     each.size_bytes, each.sha256)
        return None

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
