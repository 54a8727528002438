"""Classifying several pictures side by side, a few at a time."""
from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from common.errors import PayloadTooLarge
from predict.idempotency.service import Classifier
from predict.load import RequestLoad
from predict.service import Classification, Submission

# How many pictures a request may bring.
MAX_PICTURES = 32


class BatchClassifier:
    """Takes pictures through the service that classifies single ones.

    All requests share `threads`, so that many batches keep the process no busier than one.
    `load` hears of each picture that is being classified, and `max_bytes` is the longest.
    """

    def __init__(
        self, service: Classifier, load: RequestLoad, threads: int, max_bytes: int
    ) -> None:
        self._service = service
        self._load = load
        self._max_bytes = max_bytes
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="batch")

    def classify(self, submissions: Iterable[Submission]) -> list[Classification | Exception]:
        """For each picture its answer, or what Classifier.classify raised for it, in order."""
        return [*self._executor.map(self._one, submissions)]

    def close(self) -> None:
        """Return once everything submitted is classified."""
        self._executor.shutdown()

    def _one(self, submission: Submission) -> Classification | Exception:
        try:
            if len(submission.data) > self._max_bytes:
                raise PayloadTooLarge(f"A picture may have at most {self._max_bytes} bytes.")
            with self._load.request():
                return self._service.classify(submission)
        except Exception as error:  # it must not spoil its neighbours
            return error
