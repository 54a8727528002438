"""Uploads in memory: those that were allowed, their events, and a signer of forms."""
from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from common.auth import placeholder_email
from common.errors import Conflict, DatabaseUnavailable
from common.storage import PresignedPost
from predict.uploads.repository import AllowedUpload, Row

CREATED_AT = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
TOLD = ("filename", "content_type", "object_key", "expires_at")
NOTHING = dict.fromkeys((
    "event_state", "fault", "reason", "image_id", "prediction_id", "predicted_class",
    "confidence_score"))


class InMemoryUploads:
    """UploadRepository in dictionaries; `down` makes it unreachable.

    `events` are those of all objects, oldest first, as `find` answers them.
    """

    def __init__(self) -> None:
        self.users: dict[uuid.UUID, str] = {}
        self.uploads: dict[uuid.UUID, AllowedUpload] = {}
        self.events: list[tuple[str, Row]] = []
        self.down = False

    def add(self, upload: AllowedUpload, email: str | None) -> None:
        self._reach()
        if upload.object_key in {each.object_key for each in self.uploads.values()}:
            raise Conflict()
        others = {other for user, other in self.users.items() if user != upload.user_id}
        if email is not None:
            self.users[upload.user_id] = (
                placeholder_email(upload.user_id) if email in others else email)
        self.users.setdefault(upload.user_id, placeholder_email(upload.user_id))
        self.uploads[upload.upload_id] = upload

    def find(self, upload_id: uuid.UUID, owner: uuid.UUID | None) -> Row | None:
        self._reach()
        upload = self.uploads.get(upload_id)
        if upload is None or owner not in (None, upload.user_id):
            return None
        events = [event for key, event in self.events
                  if key == upload.object_key and event["event_state"] != "superseded"]
        known = {name: asdict(upload)[name] for name in TOLD}
        return {
            "upload_id": upload_id, **known, "created_at": CREATED_AT,
            **(events[-1] if events else NOTHING)}

    def add_event(self, object_key: str, state: str, **changes: Any) -> uuid.UUID:
        """Have an object announced last of all; `changes` are those of what `find` answers."""
        event_id = uuid.uuid4()
        classified = state in ("classified", "done")
        self.events.append((object_key, {
            **NOTHING, "event_state": state, "image_id": event_id if classified else None,
            **changes}))
        return event_id

    def _reach(self) -> None:
        if self.down:
            raise DatabaseUnavailable()


class RecordingSigner:
    """FormSigner that signs nothing; `signed` lists what it was asked for."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, str, int, int]] = []

    def presign_post(
        self, key: str, content_type: str, max_bytes: int, seconds: int
    ) -> PresignedPost:
        self.signed.append((key, content_type, max_bytes, seconds))
        return PresignedPost("https://store.example/images", {"key": key, "policy": "e30="})
