"""The threads that work the inbox off."""
from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common.errors import CommitUnknown, Unavailable
from common.reasons import reason_of
from common.storage import Writing
from common.tracing import task_span
from predict.inbox.classifier import (
    Overwritten, Repeated, UploadClassifier, UploadRefused)
from predict.inbox.events import StorageEvent, found_event
from predict.inbox.repository import ClaimedEvent, Inbox
from predict.inbox.telemetry import InboxTelemetry
from predict.load import RequestLoad

POLL_SECONDS = 1.0
# Far longer than a picture takes: a worker that is still alive is not overtaken.
LEASE_SECONDS = 30.0
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 300.0
OUTAGE_SECONDS = 2.0
# How long an upload steps aside for requests before it takes its turn all the same.
COURTESY_SECONDS = 1.0
REPEATED = "The same bytes, or later ones, were classified with another event of this key."

log = logging.getLogger(__name__)


class InboxWorker:
    """Claims events from the database, so that none is forgotten whatever dies.

    An outage of the database, the store or the model is waited for and does not count as an
    attempt. Whoever tries `max_attempts` times in vain, or dies as often, gives the event up.
    Half of the claims take the newest event: a picture does not wait behind all that came before.
    """

    def __init__(
        self,
        inbox: Inbox,
        uploads: UploadClassifier,
        load: RequestLoad,
        telemetry: InboxTelemetry,
        has_model: Callable[[], bool],
        is_healthy: Callable[[], bool],
        bucket: str,
        threads: int,
        max_attempts: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`has_model` says whether one is loaded, before which nothing is claimed, and
        `is_healthy` whether all that classification needs answers at the moment."""
        self._inbox = inbox
        self._uploads = uploads
        self._load = load
        self._telemetry = telemetry
        self._has_model = has_model
        self._is_healthy = is_healthy
        self._bucket = bucket
        self._threads = threads
        self._max_attempts = max_attempts
        self._pause = pause
        self._work = threading.Event()

    def start(self) -> None:
        """Begin to look for events; returns at once."""
        for number in range(self._threads):
            threading.Thread(
                target=self._run, args=(number,), name=f"inbox-{number}", daemon=True).start()

    def wake(self) -> None:
        """Look again now: something was announced."""
        self._work.set()

    def drain(self, seconds: float) -> Counter[str]:
        """Work until nothing is due, or for so long; what became of the events, by outcome.

        Raises DatabaseUnavailable.
        """
        deadline = time.monotonic() + seconds

        def work(number: int) -> Counter[str]:
            outcomes: Counter[str] = Counter()
            newest_first = number % 2 == 1
            while time.monotonic() < deadline and (outcome := self.work_once(newest_first)):
                outcomes[outcome] += 1
                newest_first = not newest_first
            return outcomes

        with ThreadPoolExecutor(self._threads, thread_name_prefix="drain") as pool:
            return sum(pool.map(work, range(self._threads)), Counter())

    def work_once(self, newest_first: bool) -> str | None:
        """Deal with one event and say what became of it; None if nothing can be done.

        Raises DatabaseUnavailable.
        """
        if not self._has_model():
            return None
        event = self._inbox.claim(LEASE_SECONDS, newest_first)
        if event is None:
            return None
        with task_span("upload", {"imgclass.event_id": str(event.event_id)}):
            try:
                with self._telemetry.seconds.time():
                    outcome = self._deal_with(event)
            except Exception as error:  # an engine raises whatever a picture leads it to
                outcome = self._put_back(event, error)
        self._telemetry.events.labels(outcome).inc()
        return outcome

    def _deal_with(self, event: ClaimedEvent) -> str:
        if event.is_classified:
            assert event.object_modified is not None  # nosec B101  # for mypy
            writing = Writing(event.etag, event.object_modified, event.version_id)
            return "removed" if self._tidy(event, writing) else "retried"
        if event.is_erased:
            self._uploads.erase(event)
            self._inbox.blank(event)
            return "erased"
        if event.attempts > self._max_attempts:
            reason = f"Its classification was abandoned {self._max_attempts} times."
            self._inbox.bury(event, "exhausted", reason)
            return "dead"
        try:
            writing = self._uploads.classify(event)
        except UploadRefused as refused:
            return self._refuse(event, refused)
        except Overwritten as overwritten:
            self._inbox.adopt([self._found(event, overwritten)])
            self._inbox.supersede(event, "The object was overwritten before it was read.")
            return "superseded"
        except Repeated as repeated:
            return self._give_way(event, repeated.writing)
        self._tidy(event, writing)
        return "classified"

    def _refuse(self, event: ClaimedEvent, refused: UploadRefused) -> str:
        if refused.fault == "gone" and self._inbox.is_accounted_for(event, event.etag):
            self._inbox.supersede(event, REPEATED)
            return "superseded"
        log.info("an upload is refused: %s", refused.reason, extra=_named(event))
        modified = refused.writing.modified if refused.writing else None
        self._inbox.bury(event, refused.fault, refused.reason, modified)
        return "dead"

    def _give_way(self, event: ClaimedEvent, writing: Writing) -> str:
        if not self._inbox.is_accounted_for(event, writing.etag):
            return "overtaken"
        self._uploads.discard(event, writing)
        self._inbox.supersede(event, REPEATED)
        return "superseded"

    def _tidy(self, event: ClaimedEvent, writing: Writing) -> bool:
        """The picture is safe: an upload that cannot be removed now is removed later."""
        try:
            self._uploads.tidy(event, writing)
            self._inbox.removed(event)
        except Unavailable as error:
            log.warning("an upload is not removed yet", exc_info=error, extra=_named(event))
            return False
        return True

    def _put_back(self, event: ClaimedEvent, error: Exception) -> str:
        """Have the event tried again, now or when its lease runs out."""
        excused = isinstance(error, Unavailable) and not self._is_healthy()
        reason = reason_of(error)
        log.warning("an upload is put back", exc_info=error, extra=_named(event))
        try:
            if excused or isinstance(error, CommitUnknown):
                self._inbox.retry(event, reason, OUTAGE_SECONDS, excused=True)
            elif event.attempts >= self._max_attempts:
                self._inbox.bury(event, "exhausted", reason)
                return "dead"
            else:
                self._inbox.retry(event, reason, _delay(event.attempts), excused=False)
        except Unavailable:  # what is missing may be the database
            log.warning("the database does not hear of it", extra=_named(event))
        if excused:
            self._pause(OUTAGE_SECONDS * random.uniform(0.5, 1.5))  # nosec B311  # no secret
        return "retried"

    def _found(self, event: ClaimedEvent, overwritten: Overwritten) -> StorageEvent:
        writing = overwritten.writing
        return found_event(
            self._bucket, event.object_key, writing.etag, overwritten.size, writing.modified,
            writing.version_id)

    def _run(self, number: int) -> None:
        newest_first = number % 2 == 1
        while True:
            if number > 0:  # one goes on whatever happens
                self._load.wait_for_room(COURTESY_SECONDS)
            try:
                outcome = self.work_once(newest_first)
            except Exception as error:  # the thread must outlive an outage
                log.warning("the inbox cannot be looked into", exc_info=error)
                outcome = None
            newest_first = not newest_first
            if outcome is None:
                self._work.wait(POLL_SECONDS)
                self._work.clear()


def _delay(attempts: int) -> float:
    """Seconds until the next attempt: doubled each time, spread so that rivals part."""
    longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** (attempts - 1))
    return longest * random.uniform(0.5, 1.5)  # nosec B311  # no secret


def _named(event: ClaimedEvent) -> dict[str, str]:
    return {"event_id": str(event.event_id), "key": event.object_key}
