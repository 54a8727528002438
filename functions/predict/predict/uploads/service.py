"""Allowing uploads, and telling what became of them."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any

from common.auth import Principal
from common.errors import NotFound, UnsupportedMedia
from common.fields import clean_filename
from common.picture_store import UPLOADS
from common.storage import ObjectStore, PresignedPost
from predict.uploads.forms import FormSigner
from predict.uploads.repository import AllowedUpload, Row, UploadRepository

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
FORM_SECONDS = 300
# MinIO and SeaweedFS take no longer names between the slashes of a key. With what stands before
# it, a name stays well within the 1024 bytes that S3 allows a key.
MAX_NAME_BYTES = 255
MAX_SUFFIX_CHARACTERS = 16
NEVER_ARRIVED = "No picture was stored before the form expired: ask for another form."

_STATES = {None: "pending", "pending": "pending", "classified": "done", "done": "done",
           "dead": "failed"}
_FIELDS = ("filename", "content_type", "object_key", "created_at", "expires_at")
_ANSWER = ("prediction_id", "image_id", "predicted_class", "confidence_score")


@dataclass(frozen=True)
class Allowance:
    """A form with which anybody may store one object until `expires_at`."""

    upload_id: uuid.UUID
    object_key: str
    form: PresignedPost
    expires_at: datetime
    max_bytes: int


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Uploads:
    """What users do with uploads of their own."""

    def __init__(
        self,
        repository: UploadRepository,
        signer: FormSigner,
        pictures: ObjectStore,
        max_bytes: int,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._repository = repository
        self._signer = signer
        self._pictures = pictures
        self._max_bytes = max_bytes
        self._now = now

    def allow(self, caller: Principal, filename: str, content_type: str) -> Allowance:
        """Let a picture of the caller's be stored under a key that nobody else can choose.

        Raises UnsupportedMedia for a media type that is none of MEDIA_TYPES.
        """
        if content_type not in MEDIA_TYPES:
            raise UnsupportedMedia(
                f"content_type must be {', '.join(MEDIA_TYPES[:-1])} or {MEDIA_TYPES[-1]}.")
        upload_id, name = uuid.uuid4(), _name_in_key(filename)
        key = f"{UPLOADS}{caller.user_id}/{upload_id}/{name}"
        expires_at = self._now() + timedelta(seconds=FORM_SECONDS)
        form = self._signer.presign_post(key, content_type, self._max_bytes, FORM_SECONDS)
        self._repository.add(
            AllowedUpload(upload_id, caller.user_id, key, name, content_type, expires_at),
            caller.email)
        return Allowance(upload_id, key, form, expires_at, self._max_bytes)

    def find(self, caller: Principal, upload_id: uuid.UUID) -> dict[str, Any]:
        """An upload as it stands: `state` is pending, done or failed.

        Raises NotFound, also for another user's unless the caller is an administrator.
        """
        row = self._row(caller, upload_id)
        if row["event_state"] is None and row["expires_at"] <= self._now():
            # An object that nothing has announced yet is going to be found.
            arrived = self._pictures.exists(row["object_key"])
            # It may have been announced, classified and removed since the first look.
            row = self._row(caller, upload_id)
            if row["event_state"] is None and not arrived:
                row = {**row, "event_state": "dead", "fault": "expired", "reason": NEVER_ARRIVED}
        return _told(row)

    def _row(self, caller: Principal, upload_id: uuid.UUID) -> Row:
        row = self._repository.find(upload_id, None if caller.is_admin else caller.user_id)
        if row is None:
            raise NotFound("There is no such upload.")
        return row


def _told(row: Row) -> dict[str, Any]:
    state = _STATES[row["event_state"]]
    more = {"done": _ANSWER, "failed": ("reason", "fault")}.get(state, ())
    return {
        "upload_id": row["upload_id"], "state": state,
        **{name: row[name] for name in (*_FIELDS, *more)}}


def _name_in_key(filename: str) -> str:
    """A file name that can stand between the slashes of a key, with its suffix if it has one."""
    # Stores put the sender's own file name in the place of "${filename}".
    name = clean_filename(filename).replace("${", "_{")
    if name in (".", ".."):
        return "picture"
    suffix = PurePosixPath(name).suffix
    if len(suffix) > MAX_SUFFIX_CHARACTERS:
        suffix = ""
    room = MAX_NAME_BYTES - len(suffix.encode())
    # What is cut in the middle of a character loses it whole.
    return name.removesuffix(suffix).encode()[:room].decode(errors="ignore") + suffix
