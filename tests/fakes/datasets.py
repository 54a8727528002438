"""Labelled pictures in memory."""
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from common.errors import DatabaseUnavailable
from model_admin.datasets.repository import Choice, LabelledPicture

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def labelled(data: bytes, label: str = "cup", **changes: Any) -> LabelledPicture:
    """A labelled picture of these bytes; `changes` replace its fields."""
    image_id = str(uuid.uuid4())
    return replace(LabelledPicture(
        label=label, image_id=image_id, object_key=f"2026/01/31/{image_id}.jpg",
        sha256=hashlib.sha256(data).hexdigest(), content_type="image/jpeg",
        size_bytes=len(data), width=8, height=6, predicted_class="espresso",
        confidence_score=0.5, model_version="v1", labelled_at=NOON), **changes)


class InMemoryLabelledPictures:
    """LabelledPictures on opinions, each with the time of the answer it is of; `down` makes it
    unreachable."""

    def __init__(self) -> None:
        self.opinions: list[tuple[datetime, LabelledPicture]] = []
        self.down = False

    def add(self, picture: LabelledPicture, answered_at: datetime = NOON) -> None:
        self.opinions.append((answered_at, picture))

    def all(self, choice: Choice) -> Iterator[LabelledPicture]:
        if self.down:
            raise DatabaseUnavailable()
        last: dict[str, LabelledPicture] = {}
        for at, picture in sorted(self.opinions, key=lambda each: each[1].labelled_at):
            if (choice.model_version in (None, picture.model_version)
                    and (choice.since is None or at >= choice.since)
                    and (choice.until is None or at < choice.until)):
                last[picture.sha256] = picture
        for digest in sorted(last):
            if choice.label in (None, last[digest].label):
                yield last[digest]
