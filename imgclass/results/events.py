"""Storage events: what became of the pictures that were put straight into the bucket."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant, optional_instant


@dataclass(frozen=True)
class Event:
    """An event as the list shows it.

    `state` is pending, classified (the upload is still to be removed), done, superseded, dead or
    erased; a dead one was given up for its `fault`. `reason` is why, or why the last attempt
    failed.
    """

    event_id: uuid.UUID
    object_key: str
    size_bytes: int | None
    user_id: uuid.UUID | None
    announced_by: str
    state: str
    fault: str | None
    reason: str | None
    attempts: int
    received_at: datetime
    finished_at: datetime | None

    @classmethod
    def from_document(cls, document: Document) -> Event:
        size, user_id = document["size_bytes"], document["user_id"]
        return cls(
            event_id=uuid.UUID(document["event_id"]),
            object_key=str(document["object_key"]),
            size_bytes=None if size is None else int(size),
            user_id=None if user_id is None else uuid.UUID(user_id),
            announced_by=str(document["announced_by"]),
            state=str(document["state"]),
            fault=document["fault"],
            reason=document["reason"],
            attempts=int(document["attempts"]),
            received_at=instant(document["received_at"]),
            finished_at=optional_instant(document["finished_at"]),
        )


@dataclass(frozen=True)
class EventPage:
    """A page of events, newest first."""

    events: tuple[Event, ...]
    next_cursor: str | None

    @classmethod
    def from_document(cls, document: Document) -> EventPage:
        return cls(
            tuple(map(Event.from_document, document["events"])), document["next_cursor"])


@dataclass(frozen=True)
class EventDetail(Event):
    """An event with all that is known of it; what the store did not tell is empty."""

    bucket: str
    version_id: str
    etag: str
    sequencer: str
    written_at: datetime | None
    object_modified: datetime | None
    due_at: datetime
    prediction_id: uuid.UUID | None

    @classmethod
    def from_document(cls, document: Document) -> EventDetail:
        prediction_id = document["prediction_id"]
        return cls(
            **vars(Event.from_document(document)),
            bucket=str(document["bucket"]),
            version_id=str(document["version_id"]),
            etag=str(document["etag"]),
            sequencer=str(document["sequencer"]),
            written_at=optional_instant(document["written_at"]),
            object_modified=optional_instant(document["object_modified"]),
            due_at=instant(document["due_at"]),
            prediction_id=None if prediction_id is None else uuid.UUID(prediction_id),
        )


@dataclass(frozen=True)
class Completeness:
    """What became of all objects ever seen in the bucket; each count is one of objects.

    `unannounced` ones lie there and no event accounts for them; `uploads` lie there in all.
    `differences` name what does not add up.
    """

    seen: int
    classified: int
    superseded: int
    pending: int
    dead: int
    erased: int
    unannounced: int
    uploads: int
    adds_up: bool
    differences: Mapping[str, int]
    complete: bool

    @classmethod
    def from_document(cls, document: Document) -> Completeness:
        return cls(
            seen=int(document["seen"]),
            classified=int(document["classified"]),
            superseded=int(document["superseded"]),
            pending=int(document["pending"]),
            dead=int(document["dead"]),
            erased=int(document.get("erased", 0)),
            unannounced=int(document["unannounced"]),
            uploads=int(document["uploads"]),
            adds_up=bool(document["adds_up"]),
            differences={
                str(name): int(count) for name, count in document["differences"].items()},
            complete=bool(document["complete"]),
        )
