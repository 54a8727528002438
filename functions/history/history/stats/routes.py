"""GET /api/v1/predictions/stats: parse, call once, serialise."""
from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from common.parameters import sent_period, sent_text
from common.web import origin, principal
from history.parameters import sent_user_id
from history.stats.repository import Selection
from history.stats.service import PredictionStats


def create_routes(stats: PredictionStats) -> Blueprint:
    """The route of a user's predictions in numbers."""
    routes = Blueprint("stats", __name__)

    @routes.get("/api/v1/predictions/stats")
    def count_predictions() -> ResponseReturnValue:
        return jsonify(stats.count(principal(), _selection(), origin()))

    return routes


def _selection() -> Selection:
    since, until = sent_period()
    return Selection(sent_user_id(), since, until, sent_text("model_version"))
