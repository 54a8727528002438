"""GET /api/v1/drift: parse, call once, serialise."""
from __future__ import annotations

import re
from datetime import datetime, timedelta

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.fields import parse_time
from common.web import require_admin
from model_admin.drift.service import DriftReport, span_of

MOST_DAYS = 366
MAX_TEXT_CHARACTERS = 255


def create_routes(drift: DriftReport) -> Blueprint:
    """The route of drift, for administrators only."""
    routes = Blueprint("drift", __name__)
    routes.before_request(require_admin)

    @routes.get("/api/v1/drift")
    def report() -> ResponseReturnValue:
        span = span_of(_time("from"), _time("to"), _length("window"), _length("baseline"))
        return jsonify(drift.report(span, _version()))

    return routes


def _time(name: str) -> datetime | None:
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)


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


def _version() -> str | None:
    text = request.args.get("model_version")
    if text is not None and (len(text) > MAX_TEXT_CHARACTERS or "\0" in text):
        raise InvalidValue(f"model_version must have at most {MAX_TEXT_CHARACTERS} characters.")
    return text
