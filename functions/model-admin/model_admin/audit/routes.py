"""GET /api/v1/audit: parse, call once, serialise."""
from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.fields import parse_integer, parse_time, parse_uuid
from common.web import require_admin
from model_admin.audit.repository import Filters
from model_admin.audit.service import AuditLog

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
MAX_TEXT_CHARACTERS = 255


def create_routes(log: AuditLog) -> Blueprint:
    """The route of the audit log, for administrators only."""
    routes = Blueprint("audit", __name__, url_prefix="/api/v1/audit")
    routes.before_request(require_admin)

    @routes.get("")
    def list_lines() -> ResponseReturnValue:
        limit = parse_integer(
            "limit", request.args.get("limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT)
        page = log.page(_filters(), limit, request.args.get("cursor"))
        return {"lines": page.rows, "limit": limit, "next_cursor": page.next_cursor}

    return routes


def _filters() -> Filters:
    actor, since, until = (request.args.get(name) for name in ("actor", "from", "to"))
    return Filters(
        None if actor is None else parse_uuid("actor", actor),
        _text("action"),
        _text("subject"),
        None if since is None else parse_time("from", since),
        None if until is None else parse_time("to", until))


def _text(name: str) -> str | None:
    text = request.args.get(name)
    if text is not None and (not 0 < len(text) <= MAX_TEXT_CHARACTERS or "\0" in text):
        raise InvalidValue(f"{name} must have 1 to {MAX_TEXT_CHARACTERS} characters.")
    return text
