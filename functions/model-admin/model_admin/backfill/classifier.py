"""Classifying one stored picture again."""
from __future__ import annotations

import hashlib
import time

from common.errors import BrokenPicture, NotFound, PayloadTooLarge, UnsupportedMedia
from common.inference.imaging import open_picture
from common.inference.model import Model
from common.storage import ObjectStore
from model_admin.backfill.claims import Classified, Failed, StoredPicture


class PictureClassifier:
    """Fetches pictures from the object store and lets a model classify them."""

    def __init__(self, store: ObjectStore, max_pixels: int) -> None:
        self._store = store
        self._max_pixels = max_pixels

    def classify(self, stored: StoredPicture, model: Model) -> Classified | Failed:
        """What the model says, or why the picture cannot be used. Raises StoreUnavailable."""
        try:
            data = self._fetch(stored)
        except NotFound:
            return Failed(stored.image_id, "Its object is gone.")
        if stored.sha256 not in (None, hashlib.sha256(data).digest()):
            return Failed(stored.image_id, "Its object is not what was sent.")
        try:
            return self._classify(stored, data, model)
        except (BrokenPicture, PayloadTooLarge, UnsupportedMedia) as error:
            return Failed(stored.image_id, str(error))

    def _classify(self, stored: StoredPicture, data: bytes, model: Model) -> Classified:
        started = time.perf_counter()
        pixels = model.preprocess(open_picture(data, self._max_pixels))
        scores = model.classify(pixels, model.manifest.top_k)
        elapsed_ms = round((time.perf_counter() - started) * 1000)
        return Classified(
            image_id=stored.image_id,
            predicted_class=scores[0].label,
            confidence_score=scores[0].confidence,
            prediction_time_ms=elapsed_ms,
            top_k=[score.as_json() for score in scores],
            lineage=model.lineage(),
            brightness=model.brightness(pixels),
        )

    def _fetch(self, stored: StoredPicture) -> bytes:
        """The object's bytes; of one that is larger than it should be, only the beginning."""
        return self._store.get(stored.object_key).read(stored.size_bytes)
