"""Feedback on the predictions of the service in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, request
from werkzeug.exceptions import abort

INSTANT = "2026-01-02T00:00:00Z"
LABELS = ("espresso", "cup", "Egyptian cat", "tabby")


@dataclass
class FakeFeedback:
    """`said` is by prediction; the margins are in the order of the predictions."""

    predictions: list[dict[str, Any]]
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, prediction_id: str, body: dict[str, Any]) -> dict[str, Any]:
        self._own(prediction_id)
        if body["label"] not in LABELS:
            abort(400, "label must be one of the classes of model version v1.")
        self.said[prediction_id] = {**body, "created_at": INSTANT, "updated_at": INSTANT}
        return self.said[prediction_id]

    def remove(self, prediction_id: str) -> None:
        self._own(prediction_id)
        self.said.pop(prediction_id, None)

    def uncertain(self) -> list[dict[str, Any]]:
        return [
            {**{name: each[name] for name in each if name != "user_id"}, "margin": rank / 8}
            for rank, each in enumerate(self.predictions)
            if each["prediction_id"] not in self.said and each["user_id"] == g.claims["sub"]]

    def _own(self, prediction_id: str) -> None:
        if not any(each["prediction_id"] == prediction_id for each in self.predictions):
            abort(404, "There is no such prediction.")


def feedback_routes(feedback: FakeFeedback) -> Blueprint:
    """/api/v1/predictions/uncertain and /api/v1/predictions/<id>/feedback."""
    routes = Blueprint("feedback", __name__, url_prefix="/api/v1/predictions")

    @routes.get("/uncertain")
    def uncertain() -> dict[str, Any]:
        limit, start = request.args.get("limit", 20, int), request.args.get("cursor", 0, int)
        rows = feedback.uncertain()
        more = start + limit < len(rows)
        return {"predictions": rows[start:start + limit], "limit": limit,
                "next_cursor": str(start + limit) if more else None}

    @routes.put("/<uuid:prediction_id>/feedback")
    def put(prediction_id: uuid.UUID) -> dict[str, Any]:
        return feedback.put(str(prediction_id), request.get_json())

    @routes.delete("/<uuid:prediction_id>/feedback")
    def remove(prediction_id: uuid.UUID) -> tuple[str, int]:
        feedback.remove(str(prediction_id))
        return "", 204

    return routes
