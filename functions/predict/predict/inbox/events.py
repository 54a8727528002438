"""What a storage event is: an object was written under uploads/."""
from __future__ import annotations

import mimetypes
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from common.picture_store import UPLOADS

# S3 takes no longer keys; the others are what the table holds.
MAX_KEY_BYTES, MAX_BUCKET, MAX_TEXT, MAX_SEQUENCER = 1024, 63, 128, 64
MAX_SIZE = 2**63 - 1
# What clients send that do not say what an object is.
_UNTOLD = {"", "application/octet-stream", "binary/octet-stream"}


@dataclass(frozen=True)
class StorageEvent:
    """An object was written; what the server does not tell is empty or None.

    `sequencer` tells the writings of one key apart, `size` is in bytes, `written_at` in UTC.
    """

    bucket: str
    key: str
    version_id: str = ""
    etag: str = ""
    sequencer: str = ""
    size: int | None = None
    written_at: datetime | None = None
    content_type: str = ""

    @property
    def is_upload(self) -> bool:
        """Whether the object is one that is to be classified, and no folder."""
        return self.key.startswith(UPLOADS) and not self.key.endswith("/") and self._fits()

    @property
    def owner(self) -> uuid.UUID | None:
        """Whose prefix the object is in: uploads/<user_id>/<name>; None if it is nobody's."""
        parts = self.key.split("/", 2)
        try:
            return uuid.UUID(parts[1]) if len(parts) == 3 and parts[2] else None
        except ValueError:
            return None

    @property
    def is_unlikely(self) -> bool:
        """Whether the name or the media type says that this is no picture."""
        by_name, _ = mimetypes.guess_type(self.key.rsplit("/", 1)[-1])
        told = [kind for kind in (by_name, self.content_type.lower()) if kind not in _UNTOLD]
        return any(kind is not None and not kind.startswith("image/") for kind in told)

    def _fits(self) -> bool:
        texts = (self.key, self.bucket, self.version_id, self.etag, self.sequencer)
        try:
            key_bytes, *_ = [len(text.encode()) for text in texts]
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can carry
            return False
        return (key_bytes <= MAX_KEY_BYTES and len(self.bucket) <= MAX_BUCKET
                and len(self.version_id) <= MAX_TEXT and len(self.etag) <= MAX_TEXT
                and len(self.sequencer) <= MAX_SEQUENCER and 0 <= (self.size or 0) <= MAX_SIZE
                and not any("\0" in text for text in texts))


def found_event(
    bucket: str, key: str, etag: str, size: int, modified: datetime, version_id: str = ""
) -> StorageEvent:
    """An object that was found, not announced: its time of writing stands for the sequencer."""
    sequencer = modified.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return StorageEvent(bucket, key, version_id, etag, sequencer, size, modified)
