"""What the service stores of people, how it erases that, and who looked: in memory."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import abort

LINE = {
    "at": "2026-01-01T00:00:00Z", "actor": "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11",
    "action": "model.activate", "subject": "v1", "detail": {"previous": None},
    "request_id": "request-1", "remote_address": "192.0.2.7"}


@dataclass
class FakePrivacy:
    """`images` and `predictions` are those of the service. `lines` is the audit log, oldest
    first. An erasure is pending for so many answers as `pending` says."""

    images: dict[str, bytes]
    predictions: list[dict[str, Any]]
    lines: list[dict[str, Any]] = field(default_factory=list)
    pending: int = 0
    erased: set[str] = field(default_factory=set)

    def add_line(self, **changes: Any) -> dict[str, Any]:
        self.lines.append({"audit_id": len(self.lines) + 1, **LINE, **changes})
        return self.lines[-1]

    def user(self, user_id: str) -> dict[str, Any]:
        if user_id in self.erased:
            abort(410, "What was stored of this user was erased.")
        mine = [each for each in self.predictions if each["user_id"] == user_id]
        images = {each["image_id"] for each in mine}
        return {
            "user_id": user_id, "email": "someone@example.com",
            "created_at": "2026-01-01T00:00:00Z", "images": len(images),
            "image_bytes": sum(len(self.images[image_id]) for image_id in images),
            "predictions": len(mine)}

    def erase(self, **which: str) -> ResponseReturnValue:
        """Forget what has these values, now; the answer may be that files are left."""
        ((name, value),) = which.items()
        self.erased.add(value)
        for each in [each for each in self.predictions if each[name] == value]:
            self.predictions.remove(each)
            self.images.pop(each["image_id"], None)
        if self.pending > 0:
            self.pending -= 1
            return {"state": "pending"}, 202
        return "", 204


def privacy_routes(privacy: FakePrivacy) -> Blueprint:
    """/api/v1/users, /api/v1/audit, and the erasure of pictures."""
    routes = Blueprint("privacy", __name__, url_prefix="/api/v1")

    @routes.route("/users/<user_id>", methods=["GET", "DELETE"])
    def user(user_id: str) -> ResponseReturnValue:
        own = g.claims["sub"]
        user_id = own if user_id == "me" else user_id
        if user_id != own and "admin" not in g.claims["roles"]:
            abort(403, "This needs a token with the role admin.")
        if request.method == "GET":
            return privacy.user(user_id)
        return privacy.erase(user_id=user_id)

    @routes.delete("/images/<image_id>")
    def erase_image(image_id: str) -> ResponseReturnValue:
        if image_id not in privacy.images and image_id not in privacy.erased:
            abort(404, "There is no such image.")
        return privacy.erase(image_id=image_id)

    @routes.get("/audit")
    def audit() -> dict[str, Any]:
        found = [line for line in reversed(privacy.lines) if _matches(line)]
        limit, start = request.args.get("limit", 20, int), request.args.get("cursor", 0, int)
        more = start + limit < len(found)
        return {"lines": found[start:start + limit], "limit": limit,
                "next_cursor": str(start + limit) if more else None}

    return routes


def _matches(line: dict[str, Any]) -> bool:
    wanted = request.args
    action = wanted.get("action", line["action"])
    return (
        wanted.get("actor") in (None, line["actor"])
        and (line["action"] == action
             or (action.endswith(".") and line["action"].startswith(action)))
        and wanted.get("subject") in (None, line["subject"])
        and wanted.get("from", "") <= line["at"] < wanted.get("to", "9"))
