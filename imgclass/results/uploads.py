"""Uploads: pictures put straight into the bucket."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class UploadForm:
    """A form that stores one picture of 1 to `max_bytes` bytes until `expires_at`.

    Its `fields` are as good as a password until then, and are not shown with the rest.
    """

    upload_id: uuid.UUID
    object_key: str
    url: str
    fields: Mapping[str, str] = field(repr=False)
    expires_at: datetime
    max_bytes: int

    @classmethod
    def from_document(cls, document: Document) -> UploadForm:
        return cls(
            upload_id=uuid.UUID(document["upload_id"]),
            object_key=str(document["object_key"]),
            url=str(document["url"]),
            fields={str(name): str(value) for name, value in document["fields"].items()},
            expires_at=instant(document["expires_at"]),
            max_bytes=int(document["max_bytes"]),
        )


@dataclass(frozen=True)
class Upload:
    """An upload as it stands; `state` is pending, done or failed.

    Once it is done the ids say where to find picture and prediction; class and confidence are
    None if these were deleted since. If it failed, `reason` says why and `fault` what kind of
    failure that is.
    """

    upload_id: uuid.UUID
    state: str
    filename: str
    content_type: str
    object_key: str
    created_at: datetime
    expires_at: datetime
    prediction_id: uuid.UUID | None = None
    image_id: uuid.UUID | None = None
    predicted_class: str | None = None
    confidence_score: float | None = None
    reason: str | None = None
    fault: str | None = None

    @classmethod
    def from_document(cls, document: Document) -> Upload:
        done = document["state"] == "done"
        score = document["confidence_score"] if done else None
        return cls(
            upload_id=uuid.UUID(document["upload_id"]),
            state=str(document["state"]),
            filename=str(document["filename"]),
            content_type=str(document["content_type"]),
            object_key=str(document["object_key"]),
            created_at=instant(document["created_at"]),
            expires_at=instant(document["expires_at"]),
            prediction_id=uuid.UUID(document["prediction_id"]) if done else None,
            image_id=uuid.UUID(document["image_id"]) if done else None,
            predicted_class=document["predicted_class"] if done else None,
            confidence_score=None if score is None else float(score),
            reason=document.get("reason"),
            fault=document.get("fault"),
        )
