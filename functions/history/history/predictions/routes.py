"""GET /api/v1/predictions: parse, call once, serialise."""
from __future__ import annotations

import math
import uuid

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.parameters import sent_choice, sent_integer, sent_limit, sent_text, sent_time
from common.tables import sent_format, table_answer
from common.web import origin, principal
from history.parameters import sent_user_id
from history.predictions.repository import EXPORTED, Filters
from history.predictions.service import PredictionHistory

MAX_PAGE = 10_000_000
SOURCES = ("http", "bucket", "backfill")


def create_routes(history: PredictionHistory) -> Blueprint:
    """The routes of recorded predictions."""
    routes = Blueprint("predictions", __name__)

    @routes.get("/api/v1/predictions")
    def list_predictions() -> ResponseReturnValue:
        number, limit = sent_integer("page", 1, 1, MAX_PAGE), sent_limit()
        page = history.page(
            principal(), _filters(), number, limit, request.args.get("cursor"), origin())
        return {
            "predictions": page.rows,
            "total": page.total,
            "page": number,
            "limit": limit,
            "next_cursor": page.next_cursor,
        }

    @routes.get("/api/v1/predictions/export")
    def export_predictions() -> ResponseReturnValue:
        kind, rows = sent_format(), history.export(principal(), _filters(), origin())
        return table_answer(rows, EXPORTED, kind, "predictions")

    @routes.get("/api/v1/predictions/<uuid:prediction_id>")
    def show_prediction(prediction_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(history.find(principal(), prediction_id, origin()))

    return routes


def _filters() -> Filters:
    return Filters(
        user_id=sent_user_id(),
        predicted_class=sent_text("predicted_class"),
        min_confidence=_confidence("min_confidence"),
        model_version=sent_text("model_version"),
        source=sent_choice("source", SOURCES),
        since=sent_time("from"),
        until=sent_time("to"),
    )


def _confidence(name: str) -> float | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidValue(f"{name} must be a number from 0 to 1.")
    return value
