"""GET /api/v1/models/{version}/comparison: parse, call once, serialise."""
from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.fields import parse_text
from common.parameters import sent_choice, sent_integer, sent_period
from common.web import require_admin
from model_admin.insight.repository import Question
from model_admin.insight.service import VersionComparison

BASES = ("shadow", "canary", "backfill", "all")
MAX_CHANGES = 50


def create_routes(comparison: VersionComparison) -> Blueprint:
    """The route of comparisons, for administrators only."""
    routes = Blueprint("insight", __name__, url_prefix="/api/v1/models")
    routes.before_request(require_admin)

    @routes.get("/<version>/comparison")
    def compare(version: str) -> ResponseReturnValue:
        return jsonify(comparison.compare(_question(version)))

    return routes


def _question(version: str) -> Question:
    other = request.args.get("with")
    if not other:
        raise InvalidRequest("Name the version to compare with as the parameter with.")
    if other == version:
        raise InvalidValue("with must name another version.")
    since, until = sent_period()
    return Question(
        version=parse_text("version", version),
        other=parse_text("with", other),
        basis=sent_choice("basis", BASES) or "all",
        since=since,
        until=until,
        most_changes=sent_integer("changes", MAX_CHANGES, 1, MAX_CHANGES),
    )
