"""POST /api/v1/replays: parse, call once, serialise."""
from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest
from common.fields import parse_uuid
from common.web import origin, principal
from model_admin.replay.service import ReplayService

PATH = "/api/v1/replays"
# The route is open to every user, and needs one UUID.
MAX_BODY_BYTES = 4096
BODY_LIMITS = {PATH: MAX_BODY_BYTES}


def create_routes(service: ReplayService) -> Blueprint:
    """The route of replays, for a prediction's owner and administrators."""
    routes = Blueprint("replays", __name__)

    @routes.post(PATH)
    def replay() -> ResponseReturnValue:
        prediction_id = _prediction_id(request.get_json(silent=True))
        return jsonify(service.replay(principal(), prediction_id, origin()))

    return routes


def _prediction_id(body: Any) -> uuid.UUID:
    sent = body.get("prediction_id") if isinstance(body, dict) else None
    if sent is None:
        raise InvalidRequest("Send a JSON object with prediction_id.")
    return parse_uuid("prediction_id", sent)
