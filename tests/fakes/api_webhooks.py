"""The webhooks of the service in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import abort

EVENT_TYPES = ["imgclass.prediction.created", "imgclass.upload.failed"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class FakeWebhooks:
    """`registrations` are the bodies that came in; `sent` the deliveries by receiver."""

    registrations: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"sink": []})

    def add(self, registration: dict[str, Any]) -> dict[str, Any]:
        self.registrations.append(registration)
        if not registration["url"].startswith("http"):
            abort(422, "url must begin with http:// or https://.")
        webhook_id = str(uuid.uuid4())
        self.rows[webhook_id] = {
            "webhook_id": webhook_id, "url": registration["url"],
            "event_types": registration.get("event_types", EVENT_TYPES),
            "created_by": str(uuid.uuid4()), "created_at": "2026-01-01T00:00:00Z",
            "failures": 0, "problem": None, "paused_until": None}
        self.sent[webhook_id] = []
        return {**self.look(webhook_id), "secret": SECRET}

    def fail(self, receiver: str, state: str = "dead") -> str:
        """Let a delivery fail; its id."""
        delivery_id, dead = str(uuid.uuid4()), state == "dead"
        self.sent[receiver].insert(0, {
            "delivery_id": delivery_id, "event_id": str(uuid.uuid4()),
            "event_type": EVENT_TYPES[0], "subject": f"prediction-{len(self.sent[receiver])}",
            "state": state, "attempts": 12 if dead else 1, "reason": "It answered 500.",
            "created_at": "2026-01-01T00:00:00Z",
            "next_attempt_at": None if dead else "2026-01-01T00:01:00Z",
            "given_up_at": "2026-01-01T00:01:00Z" if dead else None})
        if receiver in self.rows:
            self.rows[receiver].update(
                failures=1, problem="It answered 500.", paused_until="2026-01-01T00:05:00Z")
        return delivery_id

    def look(self, webhook_id: str) -> dict[str, Any]:
        row = self.rows.get(webhook_id) or abort(404, f"There is no webhook {webhook_id}.")
        states = [each["state"] for each in self.sent[webhook_id]]
        return {**row, "pending": states.count("pending"), "dead": states.count("dead")}

    def remove(self, webhook_id: str) -> None:
        self.look(webhook_id)
        del self.rows[webhook_id], self.sent[webhook_id]

    def deliveries(self, receiver: str) -> list[dict[str, Any]]:
        if receiver not in self.sent:
            abort(404, f"There is no webhook {receiver}.")
        return self.sent[receiver]

    def retry(self, receiver: str, *deliveries: dict[str, Any]) -> None:
        for each in deliveries:
            each.update(state="pending", attempts=0, given_up_at=None,
                        next_attempt_at="2026-01-01T00:02:00Z")


def webhook_routes(webhooks: FakeWebhooks) -> Blueprint:
    """/api/v1/webhooks."""
    routes = Blueprint("webhooks", __name__, url_prefix="/api/v1/webhooks")

    @routes.post("")
    def add() -> tuple[dict[str, Any], int]:
        return webhooks.add(request.get_json()), 201

    @routes.get("")
    def list_webhooks() -> dict[str, Any]:
        return {"webhooks": [webhooks.look(each) for each in reversed(webhooks.rows)]}

    @routes.get("/<webhook_id>")
    def show(webhook_id: str) -> dict[str, Any]:
        return webhooks.look(webhook_id)

    @routes.delete("/<webhook_id>")
    def remove(webhook_id: str) -> tuple[str, int]:
        webhooks.remove(webhook_id)
        return "", 204

    @routes.get("/<receiver>/deliveries")
    def deliveries(receiver: str) -> dict[str, Any]:
        state, page = request.args.get("state"), int(request.args["page"])
        limit = int(request.args["limit"])
        found = [each for each in webhooks.deliveries(receiver)
                 if state in (None, each["state"])]
        return {"deliveries": found[(page - 1) * limit:page * limit], "total": len(found),
                "page": page, "limit": limit}

    @routes.post("/<receiver>/deliveries/retry")
    def retry_dead(receiver: str) -> dict[str, int]:
        dead = [each for each in webhooks.deliveries(receiver) if each["state"] == "dead"]
        webhooks.retry(receiver, *dead)
        return {"retried": len(dead)}

    @routes.post("/<receiver>/deliveries/<delivery_id>/retry")
    def retry(receiver: str, delivery_id: str) -> dict[str, Any]:
        for each in webhooks.deliveries(receiver):
            if each["delivery_id"] == delivery_id:
                webhooks.retry(receiver, each)
                return each
        abort(404, f"There is no delivery {delivery_id}; what was delivered is forgotten.")

    return routes
