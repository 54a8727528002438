"""Stored pictures."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Image:
    """What is known of a stored picture; sizes in bytes and pixels, `sha256` in hexadecimal.

    Digest and size in pixels are None of pictures that the service did not take in itself.
    """

    image_id: uuid.UUID
    user_id: uuid.UUID
    filename: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: str | None
    width: int | None
    height: int | None
    source: str
    created_at: datetime

    @classmethod
    def from_document(cls, document: Document) -> Image:
        return cls(
            image_id=uuid.UUID(document["image_id"]),
            user_id=uuid.UUID(document["user_id"]),
            filename=str(document["filename"]),
            object_key=str(document["object_key"]),
            content_type=str(document["content_type"]),
            size_bytes=int(document["size_bytes"]),
            sha256=document["sha256"],
            width=document["width"],
            height=document["height"],
            source=str(document["source"]),
            created_at=instant(document["created_at"]),
        )
