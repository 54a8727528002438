"""Pictures in the bucket that no row names: what a crash between the two may leave behind."""
from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from itertools import islice

from common.storage import ObjectStore
from predict.repository import PredictionRepository
from predict.telemetry import Telemetry

# The first look goes far back, for what was left while nobody looked; further ones overlap.
FIRST_LOOK_DAYS, LOOK_DAYS = 31, 2
INTERVAL_SECONDS = 3600
# A younger object may still be about to get its row.
MIN_AGE = timedelta(minutes=15)
BATCH = 1000

log = logging.getLogger(__name__)


class OrphanWatch:
    """Looks for them every hour, names each in the log once, and counts them in a metric.

    It removes nothing: should the database ever be restored from a backup, these are the
    pictures whose rows were lost.
    """

    def __init__(
        self, store: ObjectStore, repository: PredictionRepository, telemetry: Telemetry
    ) -> None:
        self._store = store
        self._repository = repository
        self._telemetry = telemetry
        self._named: set[str] = set()

    def start(self) -> None:
        """Begin to look; returns at once."""
        threading.Thread(target=self._run, name="orphan-watch", daemon=True).start()

    def look(self, days: int, now: datetime) -> list[str]:
        """The keys without a row of the last `days` days, oldest first.

        Raises StoreUnavailable or DatabaseUnavailable.
        """
        keys = self._settled_keys(days, now)
        found: list[str] = []
        while batch := list(islice(keys, BATCH)):
            found += self._repository.without_row(batch)
        for key in found:
            if key not in self._named:
                log.warning("a picture without a row", extra={"key": key})
        self._named.update(found)
        self._telemetry.objects_without_row.set(len(found))
        return found

    def _settled_keys(self, days: int, now: datetime) -> Iterator[str]:
        for day in _last_days(now.date(), days):
            for listed in self._store.list(f"{day:%Y/%m/%d}/"):
                if now - listed.modified >= MIN_AGE:
                    yield listed.key

    def _run(self) -> None:
        stop, days = threading.Event(), FIRST_LOOK_DAYS
        while True:
            try:
                self.look(days, datetime.now(timezone.utc))
                days = LOOK_DAYS
            except Exception as error:  # the thread must outlive an outage
                log.warning("pictures without a row cannot be looked for", exc_info=error)
            stop.wait(INTERVAL_SECONDS)


def _last_days(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in reversed(range(count))]
