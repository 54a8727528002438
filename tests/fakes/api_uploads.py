"""The uploads of the service in memory, and the object store that they go to."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, request
from werkzeug.exceptions import abort

STORE = "/store/"
SIGNATURE = "a signature"
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass
class FakeUploads:
    """Classifies with `classify`, which aborts for what is no picture, after `pace` looks.

    `objects` are what lies in the store, `bodies` what forms were asked for. `down` makes the
    store refuse everything; `headers` are those it was sent.
    """

    classify: Callable[[str, bytes], dict[str, Any]]
    pace: int = 0
    max_bytes: int = 1000
    down: bool = False
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def allow(self, user_id: str, body: dict[str, Any], host: str) -> dict[str, Any]:
        self.bodies.append(body)
        if body["content_type"] not in MEDIA_TYPES:
            abort(415, "content_type must be image/jpeg, image/png or image/webp.")
        upload_id = str(uuid.uuid4())
        key = f"uploads/{user_id}/{upload_id}/{body['filename']}"
        self.rows[upload_id] = {
            "upload_id": upload_id, "state": "pending", "filename": body["filename"],
            "content_type": body["content_type"], "object_key": key,
            "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:05:00Z",
            "looks": 0, "user_id": user_id}
        return {
            "upload_id": upload_id, "object_key": key, "url": f"{host}{STORE}images",
            "fields": {"Content-Type": body["content_type"], "key": key, "policy": SIGNATURE},
            "expires_at": "2026-01-01T00:05:00Z", "max_bytes": self.max_bytes}

    def look(self, user_id: str, upload_id: str) -> dict[str, Any]:
        row = self.rows.get(upload_id)
        if row is None or row["user_id"] != user_id:
            abort(404, "There is no such upload.")
        row["looks"] += 1
        data = self.objects.get(row["object_key"])
        if row["state"] == "pending" and data is not None and row["looks"] > self.pace:
            row.update(self._result(user_id, data))
        return {name: row[name] for name in row if name not in ("looks", "user_id")}

    def _result(self, user_id: str, data: bytes) -> dict[str, Any]:
        if data.endswith(b"broken"):
            return {"state": "failed", "fault": "not_a_picture", "reason": "It is broken."}
        answer = self.classify(user_id, data)
        names = ("prediction_id", "image_id", "predicted_class", "confidence_score")
        return {"state": "done", **{name: answer[name] for name in names}}


def upload_routes(uploads: FakeUploads) -> Blueprint:
    """/api/v1/uploads, and the store, which knows no tokens."""
    routes = Blueprint("uploads", __name__)

    @routes.post("/api/v1/uploads")
    def allow() -> tuple[dict[str, Any], int]:
        host = request.host_url.rstrip("/")
        return uploads.allow(g.claims["sub"], request.get_json(), host), 201

    @routes.get("/api/v1/uploads/<upload_id>")
    def show(upload_id: str) -> dict[str, Any]:
        return uploads.look(g.claims["sub"], upload_id)

    @routes.post(f"{STORE}images")
    def store() -> tuple[str, int]:
        uploads.headers.append(dict(request.headers))
        allowed = {row["object_key"]: row["content_type"] for row in uploads.rows.values()}
        form, file = request.form, request.files["file"].read()
        if uploads.down or form["policy"] != SIGNATURE or (
                allowed.get(form["key"]) != form["Content-Type"]):
            return "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>", 403
        uploads.objects[form["key"]] = file
        return "", 204

    return routes
