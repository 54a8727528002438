"""Classifying one picture: decode, infer and store, record."""
from __future__ import annotations

import hashlib
import logging
import time
import uuid
from concurrent.futures import Executor, Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import CommitUnknown, ImgclassError
from common.inference.engine import Pixels, Score, best_scores
from common.inference.imaging import Picture, open_picture
from common.inference.model import Model
from common.storage import ObjectStore, Writing
from predict.idempotency.key import RequestKey
from predict.models import Lineup, ModelProvider
from predict.repository import (
    KeyClaim, PredictionRecord, PredictionRepository, StoredPicture, UploadClaim)
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """Where in the bucket a picture lies that was put there directly, and the claim on it."""

    object_key: str
    writing: Writing
    received_at: datetime
    claim: UploadClaim


@dataclass(frozen=True)
class Submission:
    """A picture to classify: its bytes as sent, its owner, and where it came from.

    `email` None leaves the address known of the owner. At least `top_k` classes are recorded, and
    never fewer than the model's manifest names. `upload` is None for what came by HTTP, and
    `deadline` where nobody waits. `picture` is set if these bytes were recorded before. `key` is
    sent with what may be sent again, and `claim` is the claim on it. `lineup` are the models to
    choose from, where those of the moment will not do. `began` is when the request came in, on
    the clock of time.perf_counter.
    """

    data: bytes
    filename: str
    user_id: uuid.UUID
    email: str | None
    request_id: str
    top_k: int
    upload: Upload | None = None
    picture: StoredPicture | None = None
    deadline: Deadline | None = None
    key: RequestKey | None = None
    claim: KeyClaim | None = None
    lineup: Lineup | None = None
    began: float = field(default_factory=time.perf_counter)

    @property
    def source(self) -> str:
        """How the picture came, as it is recorded."""
        return "http" if self.upload is None else "bucket"

    @property
    def is_new(self) -> bool:
        """Whether the picture lies nowhere yet, neither recorded nor uploaded."""
        return self.upload is None and self.picture is None

    def place(self, extension: str) -> tuple[uuid.UUID, str]:
        """The picture's id and its key in the bucket.

        For an upload both follow from its event: whoever tries again writes the same object.
        """
        if self.picture is not None:
            return self.picture.image_id, self.picture.object_key
        image_id = uuid.uuid4() if self.upload is None else self.upload.claim.event_id
        day = datetime.now(timezone.utc) if self.upload is None else self.upload.received_at
        return image_id, f"{day:%Y/%m/%d}/{image_id}.{extension}"


@dataclass(frozen=True)
class Classification:
    """The recorded answer; `prediction_time_ms` is decoding plus inference in milliseconds.

    `replayed`: it was given before, to the same request. Then the `probabilities` of all classes,
    shape (classes,), are not known any more.
    """

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    model_version: str
    prediction_time_ms: int
    scores: list[Score]
    replayed: bool = False
    probabilities: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)


class ClassificationService:
    """Turns submissions into recorded answers."""

    def __init__(
        self,
        models: ModelProvider,
        store: ObjectStore,
        repository: PredictionRepository,
        executor: Executor,
        shadow: ShadowScorer,
        telemetry: Telemetry,
        max_pixels: int,
    ) -> None:
        self._models = models
        self._store = store
        self._repository = repository
        self._executor = executor
        self._shadow = shadow
        self._telemetry = telemetry
        self._max_pixels = max_pixels

    def classify(self, submission: Submission) -> Classification:
        """Classify, store and record one picture.

        Raises UnsupportedMedia, BrokenPicture or PayloadTooLarge for a picture that cannot be
        used, DeadlineExceeded when it could not be inferred in time, Conflict if its owner was
        erased meanwhile, and Unavailable when the model, the store or the database cannot serve;
        for an upload or a recorded picture also NotFound or ObjectChanged when it is not there
        any more, and LeaseLost when another deals with it or has taken the key over. Then nothing
        is recorded.
        """
        if submission.deadline is not None:
            submission.deadline.check()
        lineup = submission.lineup or self._models.lineup()
        model = lineup.model_for(submission.user_id)
        picture = open_picture(submission.data, self._max_pixels)
        image_id, key = submission.place(picture.extension)

        started = time.perf_counter()
        with self._telemetry.stage("preprocess"):
            pixels = model.preprocess(picture)
        # The picture is known to be good: store it while the model works.
        stored = self._executor.submit(
            copy_context().run, self._store_picture, key, submission, picture.media_type)
        try:
            with self._telemetry.stage("inference"):
                probabilities = model.infer(pixels, submission.deadline)
                scores = best_scores(
                    probabilities, model.labels, max(submission.top_k, model.manifest.top_k))
            elapsed_ms = round((time.perf_counter() - started) * 1000)
            stored.result()
            with self._telemetry.stage("record"):
                prediction_id = self._write(submission, _record(
                    submission, picture, pixels, model, image_id, key, scores, elapsed_ms))
        except CommitUnknown:
            raise  # the row may exist, and then its object must
        except Exception:
            # An upload is tried again, here or elsewhere, under the same key.
            if submission.is_new:
                self._executor.submit(self._remove, key, stored)
            raise
        self._telemetry.predictions.labels(model.version).inc()
        if lineup.shadow is not None and lineup.shadow is not model:
            self._shadow.submit(lineup.shadow, submission.data, prediction_id)
        return Classification(
            prediction_id, image_id, model.version, elapsed_ms, scores,
            probabilities=probabilities)

    def _store_picture(self, key: str, submission: Submission, media_type: str) -> None:
        upload = submission.upload
        if submission.picture is not None:
            return
        with self._telemetry.stage("store"):
            if upload is None:
                self._store.put(key, submission.data, media_type)
            else:
                self._store.copy(upload.object_key, key, media_type, upload.writing)

    def _write(self, submission: Submission, record: PredictionRecord) -> uuid.UUID:
        if submission.picture is not None:
            return self._repository.record_again(record, submission.claim)
        return self._repository.record(
            record, submission.upload.claim if submission.upload else submission.claim,
            submission.began)

    def _remove(self, key: str, stored: Future[None]) -> None:
        """Take back an object whose row was not written, even if storing it seemed to fail."""
        wait([stored])
        try:
            self._store.delete(key)
        except ImgclassError as error:
            self._telemetry.orphaned_objects.inc()
            log.error("an object without a row is left behind", exc_info=error, extra={"key": key})


def _record(
    submission: Submission,
    picture: Picture,
    pixels: Pixels,
    model: Model,
    image_id: uuid.UUID,
    key: str,
    scores: list[Score],
    elapsed_ms: int,
) -> PredictionRecord:
    return PredictionRecord(
        user_id=submission.user_id,
        email=submission.email,
        image_id=image_id,
        filename=submission.filename,
        object_key=key,
        content_type=picture.media_type,
        size_bytes=len(submission.data),
        sha256=hashlib.sha256(submission.data).digest(),
        width=picture.width,
        height=picture.height,
        brightness=model.brightness(pixels),
        source=submission.source,
        predicted_class=scores[0].label,
        confidence_score=scores[0].confidence,
        prediction_time_ms=elapsed_ms,
        top_k=[score.as_json() for score in scores],
        request_id=submission.request_id,
        **model.lineage(),
    )
