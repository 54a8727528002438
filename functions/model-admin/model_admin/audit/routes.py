"""GET /api/v1/audit: parse, call once, serialise."""
from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from common.parameters import sent_limit, sent_text, sent_time, sent_uuid
from common.web import require_admin
from model_admin.audit.repository import Filters
from model_admin.audit.service import AuditLog


def create_routes(log: AuditLog) -> Blueprint:
    """The route of the audit log, for administrators only."""
    routes = Blueprint("audit", __name__, url_prefix="/api/v1/audit")
    routes.before_request(require_admin)

    @routes.get("")
    def list_lines() -> ResponseReturnValue:
        limit = sent_limit()
        page = log.page(_filters(), limit, request.args.get("cursor"))
        return {"lines": page.rows, "limit": limit, "next_cursor": page.next_cursor}

    return routes


def _filters() -> Filters:
    return Filters(
        sent_uuid("actor"), sent_text("action", least=1), sent_text("subject", least=1),
        sent_time("from"), sent_time("to"))
