"""/api/v1/webhooks: parse, call once, serialise."""
from __future__ import annotations

import uuid

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from common.errors import NotFound
from common.events import SINK
from common.parameters import sent_choice, sent_integer, sent_limit
from common.web import origin, require_admin
from model_admin.webhooks.registration import Registration
from model_admin.webhooks.service import Webhooks

STATES = ("pending", "dead")
MAX_PAGE = 1_000_000


def create_routes(webhooks: Webhooks) -> Blueprint:
    """The routes of webhooks, for administrators only.

    Where deliveries are concerned, `sink` stands for the sink of the deployment.
    """
    routes = Blueprint("webhooks", __name__, url_prefix="/api/v1/webhooks")
    routes.before_request(require_admin)

    @routes.post("")
    def add() -> ResponseReturnValue:
        row = webhooks.add(Registration.from_json(request.get_json(silent=True)), origin())
        location = url_for(".show", webhook_id=row["webhook_id"])
        return jsonify(row), 201, {"Location": location}

    @routes.get("")
    def list_webhooks() -> ResponseReturnValue:
        return {"webhooks": webhooks.list()}

    @routes.get("/<uuid:webhook_id>")
    def show(webhook_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(webhooks.find(webhook_id))

    @routes.delete("/<uuid:webhook_id>")
    def remove(webhook_id: uuid.UUID) -> ResponseReturnValue:
        webhooks.remove(webhook_id, origin())
        return "", 204

    @routes.get("/<receiver>/deliveries")
    def deliveries(receiver: str) -> ResponseReturnValue:
        number, limit = sent_integer("page", 1, 1, MAX_PAGE), sent_limit()
        page = webhooks.deliveries(
            _receiver_id(receiver), sent_choice("state", STATES), number, limit)
        return {"deliveries": page.rows, "total": page.total, "page": number, "limit": limit}

    @routes.post("/<receiver>/deliveries/<uuid:delivery_id>/retry")
    def retry(receiver: str, delivery_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(webhooks.retry(_receiver_id(receiver), delivery_id, origin()))

    @routes.post("/<receiver>/deliveries/retry")
    def retry_dead(receiver: str) -> ResponseReturnValue:
        return {"retried": webhooks.retry_dead(_receiver_id(receiver), origin())}

    return routes


def _receiver_id(text: str) -> uuid.UUID:
    if text == "sink":
        return SINK
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(f"There is no webhook {text}.") from None
