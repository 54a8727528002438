"""Pictures, and the history of what was said of them."""
from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from imgclass.api.base import (
    ANALYSIS_TIMEOUT_SECONDS, Picture, opened, read_answer, segment)
from imgclass.api.erasing import Erasing
from imgclass.errors import ProblemError
from imgclass.filters import EVERYTHING, Filters
from imgclass.parameters import document, query
from imgclass.results.images import Image
from imgclass.results.predictions import Lineage, Prediction, PredictionPage, StoredPrediction
from imgclass.results.replays import Replay
from imgclass.results.values import Document

PREDICTIONS = "/api/v1/predictions"


class Pictures(Erasing):
    """What everybody may do with pictures of their own."""

    user_id: uuid.UUID

    def predict(
        self, picture: Picture, top_k: int | None = None, key: str | None = None
    ) -> Prediction:
        """Classify a JPEG, PNG or WebP: a path, its bytes, or a seekable file open for reading.

        `top_k` asks for that many of the most probable classes as well. Each call is classified
        once, however often it has to be sent; so are several calls within a day with the same
        picture and the same `key`, of 1 to 255 visible characters of ASCII. Raises OSError when
        the file cannot be read.
        """
        with opened(picture) as upload:
            return self._predict(key, data=self._form(top_k), files={"file": upload})

    def predict_stored(
        self, image_id: uuid.UUID | str, top_k: int | None = None, key: str | None = None
    ) -> Prediction:
        """Classify a picture once more that is stored already, with the model of today.

        `top_k` and `key` are as of `predict`.
        """
        return self._predict(key, json=document(image_id=image_id, top_k=top_k))

    def predict_batch(
        self, pictures: Sequence[Picture], top_k: int | None = None, key: str | None = None
    ) -> list[Prediction | ProblemError]:
        """Classify 1 to 32 pictures in one request; what is wrong with one harms no other.

        In their order an answer for each, or the problem that it has. `top_k` and `key` are as of
        `predict`. Raises OSError when a file cannot be read.
        """
        with ExitStack() as files:
            response = self._transport.send(
                "POST", "/api/v1/predict/batch", repeatable=True, data=self._form(top_k),
                files=[("file", files.enter_context(opened(each))) for each in pictures],
                headers=_identified(key), timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, lambda body: [*map(_batch_result, body["results"])])

    def predictions(
        self, page: int = 1, limit: int = 20, filters: Filters = EVERYTHING
    ) -> PredictionPage:
        """One page of the history, newest first; pages count from 1, `limit` is at most 100."""
        return self._get(PREDICTIONS, PredictionPage.from_document, {
            "page": str(page), "limit": str(limit), **filters.parameters()})

    def history(self, filters: Filters = EVERYTHING) -> Iterator[StoredPrediction]:
        """Every prediction that matches, newest first, fetched as it is consumed."""
        for page in self._pages(
                PREDICTIONS, PredictionPage.from_document, filters.parameters()):
            yield from page.predictions

    def prediction(self, prediction_id: uuid.UUID | str) -> Lineage:
        """A prediction with all that is known of how it came about."""
        return self._get(f"{PREDICTIONS}/{segment(prediction_id)}", Lineage.from_document)

    def replay(self, prediction_id: uuid.UUID | str) -> Replay:
        """Answer a prediction's picture again, with the model and the engine that answered."""
        response = self._transport.send(
            "POST", "/api/v1/replays", json={"prediction_id": str(prediction_id)},
            timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Replay.from_document)

    def image(self, image_id: uuid.UUID | str) -> Image:
        """What is known of a stored picture."""
        return self._get(f"/api/v1/images/{segment(image_id)}", Image.from_document)

    def image_content(self, image_id: uuid.UUID | str) -> bytes:
        """A stored picture, byte for byte as it was sent."""
        path = f"/api/v1/images/{segment(image_id)}/content"
        return self._transport.send("GET", path).content

    def delete_image(self, image_id: uuid.UUID | str, timeout: float = 60.0) -> bool:
        """Erase a picture and all that was said of it.

        Whether its file is gone within `timeout` seconds; if not, it is removed as soon as the
        object store lets the service.
        """
        return self._erase(f"/api/v1/images/{segment(image_id)}", timeout)

    def _form(self, top_k: int | None) -> dict[str, str]:
        return query(user_id=self.user_id, top_k=top_k)

    def _predict(self, key: str | None, **content: Any) -> Prediction:
        response = self._transport.send(
            "POST", "/api/v1/predict", repeatable=True, headers=_identified(key), **content)
        version = response.headers.get("X-Model-Version")
        return read_answer(response, lambda body: Prediction.from_document(body, version))


def _identified(key: str | None) -> dict[str, str]:
    """What tells the service that a request has come before."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _batch_result(document: Document) -> Prediction | ProblemError:
    if "prediction_id" in document:
        return Prediction.from_document(document)
    return ProblemError.from_document(document)
