"""The backfills of the service in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import abort

BROKEN = "7b0c6a57-0b0e-4b0e-8f58-3c0d54a1d5a1"


@dataclass
class FakeBackfills:
    """Each look at a running backfill finds `pace` pictures more classified, and the last failed.

    `orders` are the bodies that came in; `problem` makes the next look find it failed.
    """

    total: int = 5
    pace: int = 4
    problem: str | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, order: dict[str, Any]) -> dict[str, Any]:
        self.orders.append(order)
        if order["model_version"] != "v2":
            abort(422, f"model_version: there is no model version {order['model_version']}.")
        row = {
            "backfill_id": str(uuid.uuid4()), "model_version": order["model_version"],
            "filter": order["filter"],
            "pictures_per_second": order.get("pictures_per_second", 20.0), "state": "running",
            "problem": None, "total": self.total, "classified": 0, "failed": 0,
            "created_by": str(uuid.uuid4()), "created_at": "2026-01-01T00:00:00Z",
            "finished_at": None}
        self.rows[row["backfill_id"]] = row
        return row

    def look(self, backfill_id: str) -> dict[str, Any]:
        row = self.rows.get(backfill_id) or abort(404, f"There is no backfill {backfill_id}.")
        failures = []
        if row["state"] == "running" and self.problem is not None:
            row.update(state="failed", problem=self.problem, finished_at="2026-01-01T00:01:00Z")
        if row["state"] == "running":
            row["classified"] = min(row["classified"] + self.pace, row["total"] - 1)
            if row["classified"] == row["total"] - 1:
                row.update(state="done", failed=1, finished_at="2026-01-01T00:01:00Z")
        if row["failed"]:
            failures = [{"image_id": BROKEN, "reason": "Its object is gone."}]
        return {**row, "failures": failures}

    def cancel(self, backfill_id: str) -> dict[str, Any]:
        row = self.rows.get(backfill_id) or abort(404, f"There is no backfill {backfill_id}.")
        if row["state"] == "done":
            abort(409, "The backfill is done; only a running one can be cancelled.")
        row.update(state="cancelled", finished_at="2026-01-01T00:01:00Z")
        return {**row, "failures": []}


def backfill_routes(backfills: FakeBackfills) -> Blueprint:
    """/api/v1/backfills."""
    routes = Blueprint("backfills", __name__, url_prefix="/api/v1/backfills")

    @routes.post("")
    def start() -> tuple[dict[str, Any], int]:
        return backfills.start(request.get_json()), 202

    @routes.get("")
    def list_backfills() -> dict[str, Any]:
        return {"backfills": list(reversed(backfills.rows.values()))}

    @routes.get("/<backfill_id>")
    def show(backfill_id: str) -> dict[str, Any]:
        return backfills.look(backfill_id)

    @routes.post("/<backfill_id>/cancel")
    def cancel(backfill_id: str) -> dict[str, Any]:
        return backfills.cancel(backfill_id)

    return routes
