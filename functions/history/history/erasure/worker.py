"""Removing the objects of what was erased, until none is left."""
from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from common.background import BackgroundLoop
from common.errors import Unavailable
from common.picture_store import QUARANTINE, UPLOADS
from common.purging import purge
from common.reasons import reason_of
from common.storage import ObjectStore
from history.erasure.repository import ErasureClaim, ErasureRepository, ObjectToRemove

POLL_SECONDS = 5.0
# Longer than a batch takes, even one that ends with a store that does not answer.
LEASE_SECONDS = 60.0
BATCH_OBJECTS = 100
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 300.0
# How far the clocks of the store and of the database may be apart.
TOLERANCE = timedelta(seconds=5)

log = logging.getLogger(__name__)


class ErasureWorker:
    """Claims erasures from the database, so that none is forgotten whatever dies."""

    def __init__(self, erasures: ErasureRepository, store: ObjectStore) -> None:
        self._erasures = erasures
        self._store = store
        self._loop = BackgroundLoop("erasure", "erasures", self._drain, POLL_SECONDS)

    def start(self) -> None:
        """Begin to look for erasures that are not finished; returns at once."""
        self._loop.start()

    def wake(self) -> None:
        """Look again now: one was put back."""
        self._loop.wake()

    def drain(self, seconds: float) -> int:
        """Finish what is due, for at most so long; answers how many were finished.

        Raises DatabaseUnavailable.
        """
        finished, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            claim = self._erasures.claim(LEASE_SECONDS)
            if claim is None:
                break
            finished += self.work(claim, deadline)
        return finished

    def work(self, claim: ErasureClaim, deadline: float) -> bool:
        """Remove the objects of an erasure until `deadline`, on time.monotonic's clock.

        Whether it is finished; if not, it is put back. Raises DatabaseUnavailable.
        """
        try:
            reason = self._remove(claim, deadline)
        except Exception as error:  # the next attempt may meet another store
            log.log(logging.WARNING if isinstance(error, Unavailable) else logging.ERROR,
                    "objects of an erasure are not removed yet", exc_info=error,
                    extra=_named(claim))
            self._erasures.put_back(claim, reason_of(error), _delay(claim.attempts))
            return False
        if reason is None and self._erasures.finish(claim):
            log.info("erased", extra=_named(claim))
            return True
        self._erasures.put_back(claim, reason, 0)
        self.wake()
        return False

    def _remove(self, claim: ErasureClaim, deadline: float) -> str | None:
        """Why something is left, if it is known to be. Raises StoreUnavailable."""
        until = claim.requested_at + TOLERANCE
        while batch := self._erasures.objects(claim, BATCH_OBJECTS):
            for each in batch:
                self._remove_object(each, until)
            if not self._erasures.removed(claim, batch, LEASE_SECONDS):
                return "Another worker has taken it over."
            if time.monotonic() >= deadline:
                return "Its objects are being removed."
        if claim.kind == "user":
            self._remove_uploads(f"{UPLOADS}{claim.subject_id}/", until)
        return None

    def _remove_object(self, target: ObjectToRemove, until: datetime) -> None:
        if target.etag:
            purge(self._store, target.key, target.etag, until)
        else:  # a picture's own key, which is never used again
            purge(self._store, target.key)
            purge(self._store, QUARANTINE + target.key)

    def _remove_uploads(self, prefix: str, until: datetime) -> None:
        """What was written since is another matter: its user may have come back."""
        for version in self._store.versions(prefix):
            if version.modified <= until:
                self._store.delete(version.key, version.version_id)

    def _drain(self) -> bool:
        self.drain(float("inf"))
        return False


def _delay(attempts: int) -> float:
    """Seconds until the next attempt, doubled each time."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(attempts - 1, 20))


def _named(claim: ErasureClaim) -> dict[str, str]:
    return {"erasure_id": str(claim.erasure_id), "kind": claim.kind}
