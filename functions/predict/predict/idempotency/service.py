"""Classifying a picture once, however often it is sent."""
from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Protocol

from common.errors import (
    CommitUnknown, Gone, ImgclassError, InProgress, KeyReused, LeaseLost, Unavailable)
from common.inference.engine import Score
from predict.idempotency.key import RequestKey
from predict.idempotency.repository import KeyRepository, KeyState, StoredAnswer
from predict.repository import KeyClaim
from predict.service import Classification, Submission

# Far longer than a picture takes: a request that is still being answered is not overtaken.
LEASE_SECONDS = 30.0
# How long the second of two requests waits for the answer to the first.
WAIT_SECONDS, POLL_SECONDS = 5.0, 0.05

log = logging.getLogger(__name__)


class Classifier(Protocol):
    """Classifies submissions."""

    def classify(self, submission: Submission) -> Classification:
        """See ClassificationService.classify."""


class RepeatableClassification:
    """Gives submissions with a known key the first answer; all others pass through.

    Only answers are kept. A request that was refused or failed has changed nothing, so its key
    is free again. A claim on a key is a lease: a request that dies blocks nobody for long.
    """

    def __init__(
        self,
        service: Classifier,
        keys: KeyRepository,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._service = service
        self._keys = keys
        self._wait_seconds = wait_seconds

    def classify(self, submission: Submission) -> Classification:
        """Classify a picture, unless the same was done for its key before.

        Raises what ClassificationService.classify does, KeyReused if the key was sent with
        another request, InProgress if the first is still being answered, and Gone if its picture
        was erased. With a key it does not raise CommitUnknown: the request may be repeated.
        """
        key = submission.key
        if key is None:
            return self._service.classify(submission)
        try:
            return self._once(submission, key)
        except CommitUnknown as error:
            raise Unavailable(
                "The connection to the database was lost; with the same key, the request may be "
                "repeated.") from error

    def _once(self, submission: Submission, key: RequestKey) -> Classification:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            claim = self._keys.claim(key, LEASE_SECONDS)
            if claim is not None:
                try:
                    return self._first(submission, key, claim)
                except LeaseLost:
                    log.warning("a request was overtaken by its repetition")
            if (answer := self._wait(key, deadline)) is not None:
                return _classification(answer)

    def _first(
        self, submission: Submission, key: RequestKey, claim: KeyClaim
    ) -> Classification:
        """Raises LeaseLost if another request took the key over."""
        try:
            return self._service.classify(replace(submission, claim=claim))
        except LeaseLost:
            raise
        except CommitUnknown:
            if (answer := self._settled(key, claim)) is None:
                raise
            return replace(_classification(answer), replayed=False)
        except Exception:
            self._release(claim)
            raise

    def _settled(self, key: RequestKey, claim: KeyClaim) -> StoredAnswer | None:
        """The answer, if it was stored after all, as far as can be found out now."""
        try:
            if self._keys.settle(claim) and (state := self._keys.find(key)) is not None:
                return state.answer
        except Unavailable as error:  # what was lost is not back yet
            log.warning("it is not known yet what was stored", exc_info=error)
            return None
        self._release(claim)
        return None

    def _wait(self, key: RequestKey, deadline: float) -> StoredAnswer | None:
        """The answer to the first request; None if there will be none."""
        while (state := self._keys.find(key)) is not None:
            _check(state, key)
            if state.answer is not None:
                return state.answer
            if state.is_dead:
                return None
            if time.monotonic() >= deadline:
                raise InProgress()
            time.sleep(POLL_SECONDS)
        return None

    def _release(self, claim: KeyClaim) -> None:
        try:
            self._keys.release(claim)
        except ImgclassError as error:
            log.warning("a key is blocked until its lease runs out", exc_info=error)


def _check(state: KeyState, key: RequestKey) -> None:
    if state.request_digest is None or (state.is_answered and state.answer is None):
        raise Gone("The picture of this request was erased.")
    if state.request_digest != key.request_digest:
        raise KeyReused()


def _classification(answer: StoredAnswer) -> Classification:
    return Classification(
        answer.prediction_id, answer.image_id, answer.model_version, answer.prediction_time_ms,
        [Score(each["index"], each["class"], each["confidence"]) for each in answer.top_k],
        replayed=True)
