"""GET /api/v1/models/{version}/comparison: parse, call once, serialise."""
from __future__ import annotations

from datetime import datetime

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.fields import parse_integer, parse_time
from common.web import require_admin
from model_admin.insight.repository import Question
from model_admin.insight.service import VersionComparison

BASES = ("shadow", "canary", "backfill", "all")
MAX_CHANGES = 50
MAX_TEXT_CHARACTERS = 255


def create_routes(comparison: VersionComparison) -> Blueprint:
    """The route of comparisons, for administrators only."""
    routes = Blueprint("insight", __name__, url_prefix="/api/v1/models")
    routes.before_request(require_admin)

    @routes.get("/<version>/comparison")
    def compare(version: str) -> ResponseReturnValue:
        return jsonify(comparison.compare(_question(version)))

    return routes


def _question(version: str) -> Question:
    question = Question(
        version=_text("version", version),
        other=_text("with", request.args.get("with", "")),
        basis=_basis(request.args.get("basis", "all")),
        since=_time("from"),
        until=_time("to"),
        most_changes=parse_integer(
            "changes", request.args.get("changes", str(MAX_CHANGES)), 1, MAX_CHANGES),
    )
    if question.other == question.version:
        raise InvalidValue("with must name another version.")
    if question.since and question.until and question.since > question.until:
        raise InvalidValue("to must not be before from.")
    return question


def _text(name: str, text: str) -> str:
    if not text:
        raise InvalidRequest(f"Name the version to compare with as the parameter {name}.")
    if len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise InvalidValue(f"{name} must have at most {MAX_TEXT_CHARACTERS} characters.")
    return text


def _basis(text: str) -> str:
    if text not in BASES:
        raise InvalidValue(f"basis must be {', '.join(BASES[:-1])} or {BASES[-1]}.")
    return text


def _time(name: str) -> datetime | None:
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)
