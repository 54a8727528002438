"""The shadow model: scored on the same pictures, recorded, never answered."""
from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from common.inference.imaging import open_picture
from common.inference.model import Model
from predict.repository import PredictionRepository, ShadowRecord
from predict.telemetry import Telemetry

MAX_WAITING = 32

log = logging.getLogger(__name__)


class ShadowScorer:
    """Scores pictures one at a time behind the answers; what it cannot keep up with is dropped."""

    def __init__(
        self, repository: PredictionRepository, telemetry: Telemetry, max_pixels: int
    ) -> None:
        self._repository = repository
        self._telemetry = telemetry
        self._max_pixels = max_pixels
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._places = threading.Semaphore(MAX_WAITING)

    def submit(self, model: Model, data: bytes, prediction_id: uuid.UUID) -> None:
        """Let `model` classify an answered picture some time soon, or not at all."""
        if not self._places.acquire(blocking=False):
            self._telemetry.shadow_dropped.inc()
            return
        self._executor.submit(self._score, model, data, prediction_id)

    def close(self) -> None:
        """Return once everything submitted is scored."""
        self._executor.shutdown()

    def _score(self, model: Model, data: bytes, prediction_id: uuid.UUID) -> None:
        try:
            started = time.perf_counter()
            pixels = model.preprocess(open_picture(data, self._max_pixels))
            scores = model.classify(pixels, model.manifest.top_k)
            elapsed_ms = round((time.perf_counter() - started) * 1000)
            self._repository.record_shadow(ShadowRecord(
                prediction_id=prediction_id,
                predicted_class=scores[0].label,
                confidence_score=scores[0].confidence,
                prediction_time_ms=elapsed_ms,
                top_k=[score.as_json() for score in scores],
                lineage=model.lineage(),
            ))
        except Exception as error:  # nobody waits for it
            self._telemetry.shadow_dropped.inc()
            log.warning("a shadow prediction is lost", exc_info=error)
        finally:
            self._places.release()
