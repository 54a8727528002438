"""Backfills: stored pictures classified again."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant, optional_instant


@dataclass(frozen=True)
class FailedPicture:
    """A picture that could not be classified, and why."""

    image_id: uuid.UUID
    reason: str

    @classmethod
    def from_document(cls, document: Document) -> FailedPicture:
        return cls(uuid.UUID(document["image_id"]), str(document["reason"]))


@dataclass(frozen=True)
class Backfill:
    """A backfill as it stands; `state` is running, done, failed or cancelled.

    `problem` is why it failed or, while it runs, what it waits for. `failures` are the first of
    the pictures counted in `failed`; empty where backfills are listed.
    """

    backfill_id: uuid.UUID
    model_version: str
    filter: Document
    pictures_per_second: float
    state: str
    problem: str | None
    total: int
    classified: int
    failed: int
    created_at: datetime
    finished_at: datetime | None
    failures: tuple[FailedPicture, ...] = ()

    @property
    def finished(self) -> int:
        """How many pictures are through, well or badly."""
        return self.classified + self.failed

    @classmethod
    def from_document(cls, document: Document) -> Backfill:
        return cls(
            backfill_id=uuid.UUID(document["backfill_id"]),
            model_version=str(document["model_version"]),
            filter=document["filter"],
            pictures_per_second=float(document["pictures_per_second"]),
            state=str(document["state"]),
            problem=document["problem"],
            total=int(document["total"]),
            classified=int(document["classified"]),
            failed=int(document["failed"]),
            created_at=instant(document["created_at"]),
            finished_at=optional_instant(document["finished_at"]),
            failures=tuple(map(FailedPicture.from_document, document.get("failures", ()))),
        )
