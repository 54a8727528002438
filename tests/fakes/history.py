"""What history reads, in memory."""
from __future__ import annotations

import bisect
import math
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from common.cursors import Position
from common.errors import DatabaseUnavailable
from common.histograms import CONFIDENCE_BINS, LATENCY_BOUNDS_MS
from history.images.repository import Image
from history.predictions.repository import EXPORTED, Filters, Row
from history.stats.repository import MOST_CLASSES, Selection
from history.users.repository import User

LISTED = ("prediction_id", "image_id", "predicted_class", "confidence_score", "created_at")
NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def prediction(user_id: uuid.UUID, **changes: Any) -> Row:
    """A recorded prediction with its lineage; `changes` replace its fields."""
    return {
        "prediction_id": uuid.uuid4(),
        "image_id": uuid.uuid4(),
        "user_id": user_id,
        "predicted_class": "espresso",
        "confidence_score": 0.9375,
        "prediction_time_ms": 12,
        "top_k": [{"class": "espresso", "index": 967, "confidence": 0.9375}],
        "created_at": NOON,
        "source": "http",
        "request_id": "request-1",
        "model_version": "v1",
        "engine": "litert",
        "model_digest": "1" * 64,
        "twin_digest": "2" * 64,
        "preprocessing_digest": "3" * 64,
        "image_sha256": "4" * 64,
        "feedback": None,
        **changes,
    }


def image(user_id: uuid.UUID, **changes: Any) -> Image:
    """A stored picture; `changes` replace its fields."""
    image_id = uuid.uuid4()
    return replace(Image(
        image_id=image_id, user_id=user_id, filename="cup.jpg",
        object_key=f"2026/01/31/{image_id}.jpg", content_type="image/jpeg", size_bytes=4,
        sha256="4" * 64, width=640, height=480, source="http", created_at=NOON), **changes)


def user(user_id: uuid.UUID, **changes: Any) -> User:
    """What is stored of a user; `changes` replace its fields."""
    return replace(User(user_id, "ada@example.org", NOON, 0, 0, 0), **changes)


class InMemoryPredictionReader:
    """PredictionReader on a list; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.down = False

    def page(
        self, filters: Filters, limit: int, offset: int, after: Position | None
    ) -> tuple[list[Row], int]:
        self._reach()
        chosen = sorted((row for row in self.rows if _selects(filters, row)), key=_place,
                        reverse=True)
        behind = [row for row in chosen if after is None
                  or _place(row) < (after.at, after.row_id)]
        page = [{name: row[name] for name in LISTED} for row in behind[offset:offset + limit]]
        return page, len(chosen)

    def export(self, filters: Filters) -> Iterator[Row]:
        self._reach()
        chosen = sorted((row for row in self.rows if _selects(filters, row)), key=_place,
                        reverse=True)
        for row in chosen:
            said = row["feedback"] or {"label": None, "comment": None}
            whole = {"filename": "cup.jpg", "object_key": f"2026/01/31/{row['image_id']}.jpg",
                     **row, "label": said["label"], "comment": said["comment"]}
            yield {name: whole[name] for name in EXPORTED}

    def find(self, prediction_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        self._reach()
        for row in self.rows:
            if row["prediction_id"] == prediction_id and owner in (None, row["user_id"]):
                return row
        return None

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


class InMemoryStatsReader:
    """StatsReader on a list; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.down = False

    def count(self, selection: Selection) -> Row:
        if self.down:
            raise DatabaseUnavailable()
        until = selection.until or datetime.now(timezone.utc)
        since = selection.since or until - timedelta(days=30)
        rows = [row for row in self.rows
                if row["user_id"] == selection.user_id and since <= row["created_at"] < until
                and selection.model_version in (None, row["model_version"])]
        days = Counter(row["created_at"].date().isoformat() for row in rows)
        classes = Counter(row["predicted_class"] for row in rows)
        frequent = sorted(classes.items(), key=lambda item: (-item[1], item[0]))
        times = sorted(row["prediction_time_ms"] for row in rows)
        confidences = [row["confidence_score"] for row in rows]
        return {
            "from": since, "to": until, "total": len(rows), "classes": len(classes),
            "by_day": [{"day": day, "predictions": days[day]} for day in sorted(days)],
            "by_class": [{"predicted_class": name, "predictions": count}
                         for name, count in frequent[:MOST_CLASSES]],
            "mean_confidence": sum(confidences) / len(rows) if rows else None,
            "percentiles_ms": [times[math.ceil(share * len(times)) - 1]
                               for share in (0.5, 0.95, 0.99)] if rows else None,
            "confidence_counts": _counts(
                (min(int(value * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
                 for value in confidences), CONFIDENCE_BINS),
            "latency_counts": _counts(
                (bisect.bisect_right(LATENCY_BOUNDS_MS, value) for value in times),
                len(LATENCY_BOUNDS_MS) + 1),
        }


class InMemoryImageReader:
    """ImageReader on a list; `down` makes it unreachable.

    `erased` are the owners of pictures that were erased.
    """

    def __init__(self) -> None:
        self.images: list[Image] = []
        self.erased: dict[uuid.UUID, uuid.UUID] = {}
        self.down = False

    def was_erased(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        self._reach()
        return owner in (None, self.erased.get(image_id)) and image_id in self.erased

    def find(self, image_id: uuid.UUID, owner: uuid.UUID | None) -> Image | None:
        self._reach()
        for stored in self.images:
            if stored.image_id == image_id and owner in (None, stored.user_id):
                return stored
        return None

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


class InMemoryUserReader:
    """UserReader on a dictionary; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.users: dict[uuid.UUID, User] = {}
        self.erased: set[uuid.UUID] = set()
        self.down = False

    def find(self, user_id: uuid.UUID) -> User | None:
        self._reach()
        return self.users.get(user_id)

    def was_erased(self, user_id: uuid.UUID) -> bool:
        self._reach()
        return user_id in self.erased

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


def _counts(bins: Iterable[int], size: int) -> list[int]:
    counted = Counter(bins)
    return [counted[number] for number in range(size)]


def _place(row: Row) -> tuple[datetime, uuid.UUID]:
    return row["created_at"], row["prediction_id"]


def _selects(filters: Filters, row: Row) -> bool:
    return (
        row["user_id"] == filters.user_id
        and filters.predicted_class in (None, row["predicted_class"])
        and (filters.min_confidence is None
             or row["confidence_score"] >= filters.min_confidence)
        and filters.model_version in (None, row["model_version"])
        and filters.source in (None, row["source"])
        and (filters.since is None or row["created_at"] >= filters.since)
        and (filters.until is None or row["created_at"] < filters.until)
    )
