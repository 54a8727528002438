"""Watching storage events, retrying dead ones, and proving that none was forgotten."""
from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any

from common.audit import Origin
from common.cursors import Page, Position, cut_page
from common.errors import Conflict, NotFound
from common.picture_store import UPLOADS
from common.storage import ListedObject, ObjectStore
from model_admin.events.repository import EventRepository, Filters, Row

FATES = ("classified", "superseded", "pending", "dead", "erased")
# As many as the store lists at once.
BATCH_OBJECTS = 1000

log = logging.getLogger(__name__)


class StorageEvents:
    """What an administrator does with storage events; `pictures` is the bucket they tell of."""

    def __init__(self, repository: EventRepository, pictures: ObjectStore) -> None:
        self._repository = repository
        self._pictures = pictures

    def page(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        """The newest events, or those behind `cursor`. Raises InvalidValue for a foreign one."""
        after = Position.decode(cursor) if cursor else None
        return cut_page(
            self._repository.page(filters, limit + 1, after), limit,
            lambda last: Position(last["received_at"], last["event_id"]).encode())

    def find(self, event_id: uuid.UUID) -> Row:
        """All that is known of an event. Raises NotFound."""
        row = self._repository.find(event_id)
        if row is None:
            raise NotFound(f"There is no event {event_id}.")
        return row

    def retry(self, event_id: uuid.UUID, origin: Origin) -> Row:
        """Let a dead event be worked on again, from now on.

        Raises NotFound, and Conflict if it is not dead or its object is being dealt with.
        """
        retried = self._repository.retry(event_id, origin)
        row = self.find(event_id)
        if retried:
            log.info("event retried", extra={"event_id": str(event_id)})
            return row
        if row["state"] != "dead":
            raise Conflict(f"The event is {row['state']}; only a dead one can be retried.")
        raise Conflict("Another event of the same object is being worked on.")

    def retry_many(
        self, fault: str | None, user_id: uuid.UUID | None, limit: int | None, origin: Origin
    ) -> int:
        """Let dead events be worked on again, the oldest first; answers how many."""
        retried = self._repository.retry_many(fault, user_id, limit, origin)
        log.info("events retried", extra={"retried": retried, "fault": fault})
        return retried

    def completeness(self) -> dict[str, Any]:
        """What became of all objects that were ever seen, and whether that adds up.

        `unannounced` objects lie in the bucket without an event that accounts for them; one that
        is announced while the bucket is listed may count as its event as well. Raises
        StoreUnavailable.
        """
        uploads = unannounced = 0
        for batch in _batches(self._pictures.list(UPLOADS)):
            uploads += len(batch)
            unannounced += self._repository.count_unannounced(batch)
        counts = self._repository.counts()
        seen = counts["events"] + unannounced
        fates = {
            **{name: counts[name] for name in FATES},
            "unannounced": unannounced,
        }
        differences = {
            "uncounted": seen - sum(fates.values()),
            "classified_without_image": counts["classified_without_image"],
            "classified_without_prediction": counts["classified_without_prediction"],
        }
        return {
            "seen": seen,
            **fates,
            "uploads": uploads,
            "adds_up": not any(differences.values()),
            "differences": {name: count for name, count in differences.items() if count},
            "complete": fates["pending"] == unannounced == 0,
        }


def _batches(objects: Iterator[ListedObject]) -> Iterator[list[ListedObject]]:
    # A key that ends with a slash is no object put there, but what a store shows as a folder.
    files = (each for each in objects if not each.key.endswith("/"))
    while batch := list(islice(files, BATCH_OBJECTS)):
        yield batch
