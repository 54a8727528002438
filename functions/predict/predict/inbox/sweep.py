"""The sweep: what no notification told of is found all the same."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice

from common.picture_store import UPLOADS
from common.storage import ListedObject, ObjectStore
from predict.inbox.events import StorageEvent, found_event
from predict.inbox.reconcile import Differences, Reconciler
from predict.inbox.repository import Inbox
from predict.inbox.sweep_lock import SweepLock
from predict.inbox.telemetry import InboxTelemetry

# Pictures and rows are compared every hour; the first time far back, for what happened while
# nobody looked.
FIRST_DAYS, DAYS, COMPARE_SECONDS = 31, 2, 3600.0
BATCH = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepReport:
    """What a sweep has found: `uploads` lie in the bucket, `adopted` of them were unknown.

    `differences` is None if pictures and rows were not compared.
    """

    uploads: int
    adopted: int
    differences: Differences | None


class Sweeper:
    """Looks through the bucket for what the inbox does not know."""

    def __init__(
        self,
        store: ObjectStore,
        inbox: Inbox,
        reconciler: Reconciler,
        lock: SweepLock,
        bucket: str,
        telemetry: InboxTelemetry,
        forget_expired: Callable[[], int] = lambda: 0,
        keep_days: int = 30,
    ) -> None:
        """`forget_expired` removes what else the database keeps for a while only; events are kept
        for so many days after their end."""
        self._store = store
        self._inbox = inbox
        self._reconciler = reconciler
        self._lock = lock
        self._bucket = bucket
        self._telemetry = telemetry
        self._forget_expired = forget_expired
        self._keep_days = keep_days

    def sweep(self, days: int) -> SweepReport | None:
        """Adopt uploads nobody announced; compare pictures and rows of the last `days` days.

        None if another process is sweeping. Raises StoreUnavailable or DatabaseUnavailable.
        """
        with self._lock.attempt() as alone:
            if not alone:
                return None
            self._forget_expired()
            self._inbox.forget_ended(self._keep_days)
            uploads, adopted = self._adopt()
            differences = None
            if days > 0:
                differences = self._reconciler.compare(days, datetime.now(timezone.utc))
        if adopted:
            log.info("uploads found that nothing had announced", extra={"adopted": adopted})
        self._telemetry.swept(adopted, differences)
        self._telemetry.backlog(self._inbox.backlog())
        return SweepReport(uploads, adopted, differences)

    def _adopt(self) -> tuple[int, int]:
        listed, uploads, adopted = self._store.list(UPLOADS), 0, 0
        while batch := list(islice(listed, BATCH)):
            events = [event for each in batch if (event := self._event(each)).is_upload]
            uploads += len(events)
            adopted += self._inbox.adopt(events)
        return uploads, adopted

    def _event(self, found: ListedObject) -> StorageEvent:
        return found_event(self._bucket, found.key, found.etag, found.size, found.modified)


class SweepTimer:
    """Sweeps now and then, comparing so many days, from a background thread."""

    def __init__(self, sweep: Callable[[int], object], seconds: float) -> None:
        self._sweep = sweep
        self._seconds = seconds

    def start(self) -> None:
        """Begin to sweep; returns at once."""
        threading.Thread(target=self._run, name="sweep", daemon=True).start()

    def _run(self) -> None:
        days, compare_at = FIRST_DAYS, time.monotonic()
        while True:
            due = time.monotonic() >= compare_at
            try:
                self._sweep(days if due else 0)
                if due:
                    days, compare_at = DAYS, time.monotonic() + COMPARE_SECONDS
            except Exception as error:  # the thread must outlive an outage
                log.warning("the bucket cannot be swept", exc_info=error)
            time.sleep(self._seconds)
