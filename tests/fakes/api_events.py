"""The storage events of the service in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import abort

EVENT = {
    "bucket": "images", "version_id": "", "etag": "0" * 32, "sequencer": "18A",
    "size_bytes": 7, "written_at": "2026-01-01T00:00:00Z", "announced_by": "notification",
    "user_id": "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11", "state": "pending", "fault": None,
    "reason": None, "unlikely": False, "attempts": 0, "due_at": "2026-01-01T00:00:01Z",
    "object_modified": None, "prediction_id": None, "finished_at": None}
DEAD = {
    "state": "dead", "fault": "exhausted", "reason": "The object store does not answer.",
    "attempts": 8, "finished_at": "2026-01-01T01:00:00Z"}
COMPLETENESS = {
    "seen": 5, "classified": 3, "superseded": 1, "pending": 0, "dead": 1, "erased": 0,
    "unannounced": 0, "uploads": 1, "adds_up": True, "differences": {}, "complete": True}
LISTED = (
    "event_id", "object_key", "size_bytes", "user_id", "announced_by", "state", "fault", "reason",
    "attempts", "received_at", "finished_at")


@dataclass
class FakeEvents:
    """`rows` are the events, newest first; `bodies` what was to be retried."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    completeness: dict[str, Any] = field(default_factory=lambda: dict(COMPLETENESS))
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def add(self, **changes: Any) -> dict[str, Any]:
        """A pending event, newer than those before, with `changes`."""
        number = len(self.rows)
        self.rows.insert(0, {
            "event_id": str(uuid.uuid4()), "object_key": f"uploads/ada/{number}.jpg", **EVENT,
            "received_at": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z", **changes})
        return self.rows[0]

    def find(self, event_id: str) -> dict[str, Any]:
        for row in self.rows:
            if row["event_id"] == event_id:
                return row
        abort(404, f"There is no event {event_id}.")

    def retry(self, event_id: str) -> dict[str, Any]:
        row = self.find(event_id)
        if row["state"] != "dead":
            abort(409, f"The event is {row['state']}; only a dead one can be retried.")
        row.update(state="pending", fault=None, attempts=0, finished_at=None)
        return row

    def retry_many(self, body: dict[str, Any]) -> int:
        self.bodies.append(body)
        dead = [row for row in reversed(self.rows) if row["state"] == "dead"
                and body.get("fault") in (None, row["fault"])][:body.get("limit")]
        for row in dead:
            self.retry(row["event_id"])
        return len(dead)


def event_routes(events: FakeEvents) -> Blueprint:
    """/api/v1/events."""
    routes = Blueprint("events", __name__, url_prefix="/api/v1/events")

    @routes.get("")
    def list_events() -> dict[str, Any]:
        wanted = {name: request.args[name] for name in ("state", "fault", "user_id")
                  if name in request.args}
        found = [row for row in events.rows
                 if all(row[name] == value for name, value in wanted.items())]
        limit, start = request.args.get("limit", 20, int), request.args.get("cursor", 0, int)
        more = start + limit < len(found)
        return {
            "events": [{name: row[name] for name in LISTED}
                       for row in found[start:start + limit]],
            "limit": limit, "next_cursor": str(start + limit) if more else None}

    @routes.get("/<uuid:event_id>")
    def show(event_id: uuid.UUID) -> dict[str, Any]:
        return events.find(str(event_id))

    @routes.post("/<uuid:event_id>/retry")
    def retry(event_id: uuid.UUID) -> dict[str, Any]:
        return events.retry(str(event_id))

    @routes.post("/retry")
    def retry_many() -> dict[str, int]:
        return {"retried": events.retry_many(request.get_json())}

    @routes.get("/completeness")
    def completeness() -> dict[str, Any]:
        return events.completeness

    return routes
