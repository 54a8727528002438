"""The thread that works on running backfills."""
from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Protocol

from common.background import BackgroundLoop
from common.errors import Conflict, Unavailable
from common.inference.model import Model
from common.reasons import reason_of
from model_admin.backfill.claims import (
    BackfillClaims, Batch, Claim, Classified, Failed, StoredPicture)
from model_admin.backfill.classifier import PictureClassifier

POLL_SECONDS = 5.0
LEASE_SECONDS = 30.0
# A worker goes from one running backfill to the next, so that none waits for another's end.
TURN_SECONDS = 30.0
RETRY_SECONDS = 5.0
# What is classified by then is recorded, however many pictures of a batch are left.
BATCH_PICTURES, BATCH_SECONDS = 8, 5.0
MAX_ATTEMPTS = 3

log = logging.getLogger(__name__)


class Versions(Protocol):
    """Loads model versions."""

    def get(self, version: str) -> Model:
        """A version, warm. Raises Conflict if it is not ready, and Unavailable."""


class Clock(Protocol):
    """Measures time and lets it pass."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Return after so many seconds."""


@dataclass
class _Turn:
    """`excused`: an outage ended the last attempt. `careful`: one was abandoned not long ago."""

    claim: Claim
    excused: bool = False
    careful: bool = False


class BackfillWorker:
    """Claims backfills from the database, so that none is forgotten whatever dies.

    Pictures are classified in batches; the predictions of a batch and the progress they make are
    one transaction. An outage is waited for. A picture during which workers die or fail
    MAX_ATTEMPTS times counts as failed.
    """

    def __init__(
        self,
        claims: BackfillClaims,
        versions: Versions,
        pictures: PictureClassifier,
        lease_seconds: float = LEASE_SECONDS,
        clock: Clock = time,
    ) -> None:
        self._claims = claims
        self._versions = versions
        self._pictures = pictures
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._loop = BackgroundLoop("backfill", "backfills", self.run_once, POLL_SECONDS)

    def start(self) -> None:
        """Begin to look for backfills; returns at once."""
        self._loop.start()

    def wake(self) -> None:
        """Look again now: a backfill was started."""
        self._loop.wake()

    def run_once(self) -> bool:
        """Work on one backfill for a while; False if none waits. Raises DatabaseUnavailable."""
        claim = self._claims.claim(self._lease_seconds)
        if claim is None:
            return False
        turn = _Turn(claim)
        ends = self._clock.monotonic() + TURN_SECONDS
        while self._go_on(turn, ends):
            pass
        return True

    def _go_on(self, turn: _Turn, ends: float) -> bool:
        """Work on the next pictures, or wait for what is missing; False at the turn's end."""
        try:
            if self._clock.monotonic() >= ends:
                self._claims.release(turn.claim, turn.excused)
                return False
            found = self._work_on_batch(turn)
            turn.excused = False
            return found
        except Unavailable as error:
            turn.excused = True
            self._pause(turn.claim, error)
        except Exception as error:  # an engine raises whatever a picture leads it to
            turn.excused, turn.careful = False, True
            self._pause(turn.claim, error)
        return True

    def _work_on_batch(self, turn: _Turn) -> bool:
        """False if nothing is left to do, or no longer by this worker."""
        claim, rate = turn.claim, turn.claim.pictures_per_second
        try:
            model = self._versions.get(claim.model_version)
        except Conflict as error:
            log.error("backfill failed: %s", error, extra=_named(claim))
            self._claims.fail(claim, str(error))
            return False
        size = 1 if turn.careful else max(1, min(BATCH_PICTURES, int(rate)))
        batch = self._claims.begin(claim, size, self._lease_seconds, turn.excused)
        if batch is None:
            return False
        if batch.reached is None:
            self._claims.finish(claim)
            log.info("backfill done", extra=_named(claim))
            return False
        turn.careful = turn.careful or batch.attempts > 1
        started = self._clock.monotonic()
        outcomes = self._classify(batch, model)
        done = len(outcomes) == len(batch.pictures)
        reached = batch.reached if done else outcomes[-1].image_id
        recorded = self._claims.record(claim, outcomes, reached, self._lease_seconds)
        self._clock.sleep(
            max(0.0, started + len(outcomes) / rate - self._clock.monotonic()))
        return recorded

    def _classify(self, batch: Batch, model: Model) -> list[Classified | Failed]:
        """The outcomes of the first pictures of a batch, of one at least if there is any."""
        ends = self._clock.monotonic() + BATCH_SECONDS
        outcomes: list[Classified | Failed] = []
        for picture in batch.pictures:
            outcomes.append(self._classify_one(picture, model, batch.attempts))
            if self._clock.monotonic() >= ends:
                break
        return outcomes

    def _classify_one(
        self, picture: StoredPicture, model: Model, attempts: int
    ) -> Classified | Failed:
        if attempts > MAX_ATTEMPTS:
            return Failed(
                picture.image_id, f"Its classification was abandoned {MAX_ATTEMPTS} times.")
        return self._pictures.classify(picture, model)

    def _pause(self, claim: Claim, error: Exception) -> None:
        log.warning("backfill pauses", exc_info=error, extra=_named(claim))
        try:
            self._claims.explain(claim, reason_of(error))
        except Unavailable:  # what is missing may be the database
            log.warning("the database does not hear of it", extra=_named(claim))
        self._clock.sleep(RETRY_SECONDS)


def _named(claim: Claim) -> dict[str, str]:
    return {"backfill_id": str(claim.backfill_id), "model_version": claim.model_version}
