"""Classifying one picture: decode, infer and store, record."""
from __future__ import annotations

import hashlib
import logging
import time
import uuid
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from datetime import datetime, timezone

from common.errors import CommitUnknown, ImgclassError
from common.inference.engine import Score
from common.inference.imaging import Picture, open_picture
from common.inference.model import Model
from common.storage import ObjectStore
from predict.models import ModelProvider
from predict.repository import PredictionRecord, PredictionRepository
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submission:
    """A picture to classify: its bytes as sent, its owner, and where it came from.

    `email` None leaves the address known of the owner. At least `top_k` classes are recorded, and
    never fewer than the model's manifest names.
    """

    data: bytes
    filename: str
    user_id: uuid.UUID
    email: str | None
    request_id: str
    source: str
    top_k: int


@dataclass(frozen=True)
class Classification:
    """The recorded answer; `prediction_time_ms` is decoding plus inference in milliseconds."""

    prediction_id: uuid.UUID
    image_id: uuid.UUID
    model_version: str
    prediction_time_ms: int
    scores: list[Score]


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
        used, and Unavailable when the model, the store or the database cannot serve; then
        nothing is recorded.
        """
        lineup = self._models.lineup()
        model = lineup.model_for(submission.user_id)
        picture = open_picture(submission.data, self._max_pixels)
        image_id = uuid.uuid4()
        key = f"{datetime.now(timezone.utc):%Y/%m/%d}/{image_id}.{picture.extension}"

        started = time.perf_counter()
        with self._telemetry.preprocess_seconds.time():
            pixels = model.preprocess(picture)
        # The picture is known to be good: store it while the model works.
        stored = self._executor.submit(self._put, key, submission.data, picture.media_type)
        try:
            with self._telemetry.inference_seconds.time():
                scores = model.classify(pixels, max(submission.top_k, model.manifest.top_k))
            elapsed_ms = round((time.perf_counter() - started) * 1000)
            stored.result()
            with self._telemetry.record_seconds.time():
                prediction_id = self._repository.record(
                    _record(submission, picture, model, image_id, key, scores, elapsed_ms))
        except CommitUnknown:
            raise  # the row may exist, and then its object must
        except Exception:
            self._executor.submit(self._remove, key, stored)
            raise
        self._telemetry.predictions.labels(model.version).inc()
        if lineup.shadow is not None and lineup.shadow is not model:
            self._shadow.submit(lineup.shadow, submission.data, prediction_id)
        return Classification(prediction_id, image_id, model.version, elapsed_ms, scores)

    def _put(self, key: str, data: bytes, media_type: str) -> None:
        with self._telemetry.store_seconds.time():
            self._store.put(key, data, media_type)

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
        source=submission.source,
        predicted_class=scores[0].label,
        confidence_score=scores[0].confidence,
        prediction_time_ms=elapsed_ms,
        top_k=[score.as_json() for score in scores],
        request_id=submission.request_id,
        **model.lineage(),
    )
