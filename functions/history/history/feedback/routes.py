"""Feedback and what to ask about: parse, call once, serialise."""
from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.parameters import sent_limit
from common.web import origin, principal
from history.feedback.service import Feedback

MAX_LABEL, MAX_COMMENT = 255, 2000
PREFIX, FEEDBACK = "/api/v1/predictions", "/<uuid:prediction_id>/feedback"
# Every character of both as the six of a JSON escape.
BODY_LIMITS = {PREFIX + FEEDBACK: 16_384}


def create_routes(feedback: Feedback) -> Blueprint:
    """The routes with which people say what a picture shows."""
    routes = Blueprint("feedback", __name__, url_prefix=PREFIX)

    @routes.get("/uncertain")
    def list_uncertain() -> ResponseReturnValue:
        limit = sent_limit()
        page = feedback.uncertain(principal(), limit, request.args.get("cursor"))
        return {"predictions": page.rows, "limit": limit, "next_cursor": page.next_cursor}

    @routes.put(FEEDBACK)
    def put_feedback(prediction_id: uuid.UUID) -> ResponseReturnValue:
        label, comment = _opinion(request.get_json(silent=True))
        return jsonify(feedback.put(principal(), prediction_id, label, comment, origin()))

    @routes.delete(FEEDBACK)
    def remove_feedback(prediction_id: uuid.UUID) -> ResponseReturnValue:
        feedback.remove(principal(), prediction_id, origin())
        return "", 204

    return routes


def _opinion(body: Any) -> tuple[str, str | None]:
    if not isinstance(body, dict) or body.get("label") is None:
        raise InvalidRequest("Send a JSON object with label and, if you like, comment.")
    label, comment = body["label"], body.get("comment") or None
    if not isinstance(label, str) or not 0 < len(label) <= MAX_LABEL or not label.isprintable():
        raise InvalidValue(f"label must be a text of 1 to {MAX_LABEL} printable characters.")
    if comment is not None and not _is_comment(comment):
        raise InvalidValue(f"comment must be a text of at most {MAX_COMMENT} characters.")
    return label, comment


def _is_comment(comment: Any) -> bool:
    """Lines of printable characters: PostgreSQL takes neither NUL nor half of a pair."""
    return isinstance(comment, str) and len(comment) <= MAX_COMMENT and all(
        each.isprintable() or each in "\r\n\t" for each in comment)
