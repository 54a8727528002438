"""POST /api/v1/replays: parse, call once, serialise."""
from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.body import BoundedBody
from common.errors import InvalidRequest, InvalidValue
from common.web import origin, principal
from model_admin.replay.service import ReplayService

# The function takes model archives; this route is open to every user and needs one UUID.
MAX_BODY_BYTES = 4096


def create_routes(service: ReplayService) -> Blueprint:
    """The route of replays, for a prediction's owner and administrators."""
    routes = Blueprint("replays", __name__)

    @routes.before_request
    def bound_body() -> None:
        request.environ["wsgi.input"] = BoundedBody(
            request.environ["wsgi.input"], MAX_BODY_BYTES, request.content_length)

    @routes.post("/api/v1/replays")
    def replay() -> ResponseReturnValue:
        prediction_id = _prediction_id(request.get_json(silent=True))
        return jsonify(service.replay(principal(), prediction_id, origin()))

    return routes


def _prediction_id(body: Any) -> uuid.UUID:
    text = body.get("prediction_id") if isinstance(body, dict) else None
    if text is None:
        raise InvalidRequest("Send a JSON object with prediction_id.")
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise InvalidValue("prediction_id must be a UUID.") from None
