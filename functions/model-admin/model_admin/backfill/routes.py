"""/api/v1/backfills: parse, call once, serialise."""
from __future__ import annotations

import uuid

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from common.web import origin, require_admin
from model_admin.backfill.orders import Order
from model_admin.backfill.service import Backfills


def create_routes(backfills: Backfills) -> Blueprint:
    """The routes of backfills, for administrators only."""
    routes = Blueprint("backfills", __name__, url_prefix="/api/v1/backfills")
    routes.before_request(require_admin)

    @routes.post("")
    def start() -> ResponseReturnValue:
        row = backfills.start(Order.from_json(request.get_json(silent=True)), origin())
        location = url_for(".show", backfill_id=row["backfill_id"])
        return jsonify(row), 202, {"Location": location}

    @routes.get("")
    def list_backfills() -> ResponseReturnValue:
        return {"backfills": backfills.list()}

    @routes.get("/<uuid:backfill_id>")
    def show(backfill_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(backfills.find(backfill_id))

    @routes.post("/<uuid:backfill_id>/cancel")
    def cancel(backfill_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(backfills.cancel(backfill_id, origin()))

    return routes
