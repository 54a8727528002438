"""Storage events in memory, as administrators see them."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

from common.audit import Origin
from common.cursors import Position
from common.errors import DatabaseUnavailable
from common.storage import ListedObject
from model_admin.events.repository import Filters, Row

BUCKET = "images"
NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
LISTED = (
    "event_id", "object_key", "size_bytes", "user_id", "announced_by", "state", "fault", "reason",
    "attempts", "received_at", "finished_at")
OPEN, CLASSIFIED = ("pending", "classified"), ("classified", "done")


def event(**changes: Any) -> Row:
    """A pending event of an object of its own, with `changes`; a dead one needs a fault."""
    user_id = uuid.uuid4()
    return {
        "event_id": uuid.uuid4(), "bucket": BUCKET,
        "object_key": f"uploads/{user_id}/Größe 50% 'x' :id {uuid.uuid4()}.jpg", "version_id": "",
        "etag": uuid.uuid4().hex, "sequencer": "", "size_bytes": 1000, "written_at": NOON,
        "announced_by": "notification", "user_id": user_id, "state": "pending", "fault": None,
        "reason": None, "unlikely": False, "attempts": 0, "due_at": NOON,
        "object_modified": None, "prediction_id": None, "received_at": NOON, "finished_at": None,
        **changes}


def dead(fault: str = "exhausted", **changes: Any) -> Row:
    """An event that was given up."""
    return event(**{
        "state": "dead", "fault": fault, "reason": "It was tried too often.", "attempts": 8,
        "finished_at": NOON + timedelta(hours=1), **changes})


def erased(**changes: Any) -> Row:
    """What is left of an event whose picture or user was erased."""
    event_id = uuid.uuid4()
    return event(**{
        "event_id": event_id, "state": "erased", "object_key": f"erased/{event_id}", "etag": "",
        "user_id": None, "size_bytes": None, "written_at": None, "finished_at": NOON, **changes})


def listed(row: Row, **changes: Any) -> ListedObject:
    """An event's object as the bucket lists it, with `changes`."""
    return ListedObject(**{
        "key": row["object_key"], "modified": NOON, "size": row["size_bytes"],
        "etag": row["etag"], **changes})


class InMemoryEvents:
    """EventRepository in dictionaries; `down` makes it unreachable.

    `images` are the stored pictures and the prediction of each, `doomed` keys and ETags of
    objects that are going to be removed.
    """

    def __init__(self) -> None:
        self.rows: dict[uuid.UUID, Row] = {}
        self.images: dict[uuid.UUID, uuid.UUID | None] = {}
        self.doomed: set[tuple[str, str]] = set()
        self.audit: list[tuple[str, str, dict[str, Any]]] = []
        self.down = False

    def page(self, filters: Filters, limit: int, after: Position | None) -> list[Row]:
        self._reach()
        rows = sorted(self.rows.values(), key=_place, reverse=True)
        behind = [row for row in rows
                  if after is None or _place(row) < (after.at, after.row_id)]
        return [{name: row[name] for name in LISTED} for row in behind
                if _selects(filters, row)][:limit]

    def find(self, event_id: uuid.UUID) -> Row | None:
        self._reach()
        row = self.rows.get(event_id)
        return None if row is None else dict(row)

    def retry(self, event_id: uuid.UUID, origin: Origin) -> bool:
        self._reach()
        row = self.rows.get(event_id)
        if row is None or row["state"] != "dead" or self._has_open(row):
            return False
        detail = {"fault": row["fault"]}
        self._revive(row)
        self.audit.append(("event.retry", str(event_id), detail))
        return True

    def retry_many(
        self, fault: str | None, user_id: uuid.UUID | None, limit: int | None, origin: Origin
    ) -> int:
        self._reach()
        newest: dict[tuple[str, ...], Row] = {}
        for row in sorted(self.rows.values(), key=_place):
            if _selects(Filters("dead", fault, user_id), row) and not self._has_open(row):
                newest[_object(row)] = row
        chosen = sorted(newest.values(), key=_place)[:limit]
        for row in chosen:
            self._revive(row)
        if chosen:
            filters = {"fault": fault, "user_id": user_id and str(user_id), "limit": limit}
            self.audit.append(("event.retry", f"{len(chosen)} events", {
                **{name: value for name, value in filters.items() if value is not None},
                "events": [str(row["event_id"]) for row in chosen]}))
        return len(chosen)

    def count_unannounced(self, objects: Sequence[ListedObject]) -> int:
        self._reach()
        return sum((each.key, each.etag) not in self.doomed
                   and not any(_accounts(row, each) for row in self.rows.values())
                   for each in objects)

    def counts(self) -> Row:
        self._reach()
        rows = [row for row in self.rows.values() if row["bucket"] == BUCKET]
        states = [row["state"] for row in rows]
        classified = [row for row in rows if row["state"] in CLASSIFIED]
        return {
            "events": len(rows), "classified": len(classified),
            **{state: states.count(state)
               for state in ("superseded", "pending", "dead", "erased")},
            "classified_without_image": sum(
                row["event_id"] not in self.images for row in classified),
            "classified_without_prediction": sum(
                row["event_id"] in self.images
                and (row["prediction_id"] is None
                     or self.images[row["event_id"]] != row["prediction_id"])
                for row in classified)}

    def _has_open(self, row: Row) -> bool:
        return any(_object(other) == _object(row) and other["state"] in OPEN
                   for other in self.rows.values())

    def _revive(self, row: Row) -> None:
        row.update(state="pending", fault=None, attempts=0, finished_at=None,
                   due_at=datetime.now(timezone.utc))

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


def _place(row: Row) -> tuple[datetime, uuid.UUID]:
    return row["received_at"], row["event_id"]


def _object(row: Row) -> tuple[str, ...]:
    return row["bucket"], row["object_key"], row["etag"]


def _selects(filters: Filters, row: Row) -> bool:
    return all(wanted in (None, row[name]) for name, wanted in asdict(filters).items())


def _accounts(row: Row, found: ListedObject) -> bool:
    read = row["object_modified"]
    return _object(row) == (BUCKET, found.key, found.etag) and (
        row["state"] in OPEN or read is None
        or read >= found.modified.replace(microsecond=0))
