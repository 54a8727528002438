"""/api/v1/events: parse, call once, serialise."""
from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.fields import parse_choice, parse_uuid, refuse_unknown
from common.parameters import sent_choice, sent_limit, sent_uuid
from common.web import origin, require_admin
from model_admin.events.repository import Filters
from model_admin.events.service import StorageEvents

STATES = ("pending", "classified", "done", "superseded", "dead", "erased")
FAULTS = ("gone", "not_a_picture", "too_large", "unknown_user", "exhausted")


def create_routes(events: StorageEvents) -> Blueprint:
    """The routes of storage events, for administrators only."""
    routes = Blueprint("events", __name__, url_prefix="/api/v1/events")
    routes.before_request(require_admin)

    @routes.get("")
    def list_events() -> ResponseReturnValue:
        limit = sent_limit()
        page = events.page(_filters(), limit, request.args.get("cursor"))
        return {"events": page.rows, "limit": limit, "next_cursor": page.next_cursor}

    @routes.get("/<uuid:event_id>")
    def show(event_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(events.find(event_id))

    @routes.post("/<uuid:event_id>/retry")
    def retry(event_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(events.retry(event_id, origin()))

    @routes.post("/retry")
    def retry_many() -> ResponseReturnValue:
        fault, user_id, limit = _choice(request.get_json(silent=True))
        return {"retried": events.retry_many(fault, user_id, limit, origin())}

    @routes.get("/completeness")
    def completeness() -> ResponseReturnValue:
        return jsonify(events.completeness())

    return routes


def _filters() -> Filters:
    return Filters(
        sent_choice("state", STATES), sent_choice("fault", FAULTS), sent_uuid("user_id"))


def _choice(body: Any) -> tuple[str | None, uuid.UUID | None, int | None]:
    """Which dead events to retry."""
    if not isinstance(body, dict):
        raise InvalidRequest("Send a JSON object; fault, user_id and limit narrow the choice.")
    refuse_unknown(body, ("fault", "user_id", "limit"))
    fault, user_id, limit = body.get("fault"), body.get("user_id"), body.get("limit")
    if limit is not None and (type(limit) is not int or not 1 <= limit <= 1_000_000):
        raise InvalidValue("limit must be a whole number from 1 to 1000000.")
    return (
        None if fault is None else parse_choice("fault", fault, FAULTS),
        None if user_id is None else parse_uuid("user_id", user_id),
        limit)
