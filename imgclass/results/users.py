"""Users."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class User:
    """What is stored of a user: the address, and how many pictures, bytes and predictions."""

    user_id: uuid.UUID
    email: str
    created_at: datetime
    images: int
    image_bytes: int
    predictions: int

    @classmethod
    def from_document(cls, document: Document) -> User:
        return cls(
            user_id=uuid.UUID(document["user_id"]),
            email=str(document["email"]),
            created_at=instant(document["created_at"]),
            images=int(document["images"]),
            image_bytes=int(document["image_bytes"]),
            predictions=int(document["predictions"]),
        )
