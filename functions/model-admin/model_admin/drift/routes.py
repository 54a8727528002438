"""GET /api/v1/drift: parse, call once, serialise."""
from __future__ import annotations

import re
from datetime import timedelta

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.parameters import sent_text, sent_time
from common.web import require_admin
from model_admin.drift.service import DriftReport, span_of

MOST_DAYS = 366


def create_routes(drift: DriftReport) -> Blueprint:
    """The route of drift, for administrators only."""
    routes = Blueprint("drift", __name__)
    routes.before_request(require_admin)

    @routes.get("/api/v1/drift")
    def report() -> ResponseReturnValue:
        span = span_of(
            sent_time("from"), sent_time("to"), _length("window"), _length("baseline"))
        return jsonify(drift.report(span, sent_text("model_version")))

    return routes


def _length(name: str) -> timedelta | None:
    sent = request.args.get(name)
    if sent is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})([hd])", sent)
    length = found and timedelta(**{{"h": "hours", "d": "days"}[found[2]]: int(found[1])})
    if not length or length > timedelta(days=MOST_DAYS):
        raise InvalidValue(f"{name} must be hours or days, as in 24h or 7d, and up to "
                           f"{MOST_DAYS}d.")
    return length
