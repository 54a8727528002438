"""Storage events in PostgreSQL, as administrators see them."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from common.audit import Origin, write_audit
from common.cursors import Position
from common.db import LONG_STATEMENT_TIMEOUT, Database, load_queries
from common.errors import Conflict
from common.storage import ListedObject

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Filters:
    """Which events; None filters nothing. Only dead ones have a fault."""

    state: str | None = None
    fault: str | None = None
    user_id: uuid.UUID | None = None


class EventRepository(Protocol):
    """Finds, retries and counts storage events. Every method raises DatabaseUnavailable.

    Retrying leaves a line in the audit log, in the same transaction. An event is open while it
    is pending or its upload is still to be removed; an object has one open event at most.
    """

    def page(self, filters: Filters, limit: int, after: Position | None) -> list[Row]:
        """Events behind a position, newest first."""

    def find(self, event_id: uuid.UUID) -> Row | None:
        """All that is known of an event."""

    def retry(self, event_id: uuid.UUID, origin: Origin) -> bool:
        """Let a dead event be worked on now. False if it is not dead, or its object has an open
        one."""

    def retry_many(
        self, fault: str | None, user_id: uuid.UUID | None, limit: int | None, origin: Origin
    ) -> int:
        """Let dead events be worked on now, the oldest first; answers how many.

        Of the events of one object this is the newest, and none if it has an open one.
        """

    def count_unannounced(self, objects: Sequence[ListedObject]) -> int:
        """How many of the bucket's objects no event accounts for."""

    def counts(self) -> Row:
        """How many events there are, of them `classified`, `superseded`, `pending`, `dead` and
        `erased`; and how many classified ones lack their rows:
        `classified_without_image` and `classified_without_prediction`."""


class PostgresEventRepository:
    """EventRepository on PostgreSQL; `bucket` is the one that pictures are put into."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._database = database
        self._bucket = bucket

    def page(self, filters: Filters, limit: int, after: Position | None) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_events(
                connection, **asdict(filters), limit=limit,
                cursor_time=after and after.at, cursor_id=after and after.row_id)]

    def find(self, event_id: uuid.UUID) -> Row | None:
        with self._database.transaction() as connection:
            row: Row | None = _queries.find_event(connection, event_id=event_id)
        return row

    def retry(self, event_id: uuid.UUID, origin: Origin) -> bool:
        try:
            with self._database.transaction() as connection:
                row = _queries.retry_event(connection, event_id=event_id)
                if row is not None:
                    # Not its key, whose file name somebody may want to have forgotten.
                    write_audit(connection, origin, "event.retry", str(event_id), dict(row))
        except Conflict:  # another event of the object came in meanwhile
            return False
        return row is not None

    def retry_many(
        self, fault: str | None, user_id: uuid.UUID | None, limit: int | None, origin: Origin
    ) -> int:
        chosen = {"fault": fault, "user_id": user_id, "limit": limit}
        try:
            return self._retry_many(chosen, origin)
        except Conflict:
            # Another event of one of the objects came in meanwhile; the next look sees it.
            return self._retry_many(chosen, origin)

    def count_unannounced(self, objects: Sequence[ListedObject]) -> int:
        with self._database.transaction() as connection:
            count: int = _queries.count_unannounced(
                connection, bucket=self._bucket, keys=[each.key for each in objects],
                etags=[each.etag for each in objects],
                modified=[each.modified for each in objects])
        return count

    def counts(self) -> Row:
        with self._database.transaction(LONG_STATEMENT_TIMEOUT) as connection:
            return {
                **_queries.count_events(connection, bucket=self._bucket),
                **_queries.count_without_rows(connection, bucket=self._bucket)}

    def _retry_many(self, chosen: Row, origin: Origin) -> int:
        with self._database.transaction(LONG_STATEMENT_TIMEOUT) as connection:
            retried = [str(row["event_id"]) for row in _queries.retry_events(connection, **chosen)]
            if retried:
                _write_retry(connection, origin, chosen, retried)
        return len(retried)


def _write_retry(
    connection: Connection, origin: Origin, chosen: Row, retried: list[str]
) -> None:
    filters = {name: value if name == "limit" else str(value)
               for name, value in chosen.items() if value is not None}
    write_audit(connection, origin, "event.retry", f"{len(retried)} events", {
        **filters, "events": retried})
