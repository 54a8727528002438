"""GET /api/v1/users/{id}: parse, call once, serialise."""
from __future__ import annotations

import uuid

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from common.web import origin, principal
from history.users.service import Users


def create_routes(users: Users) -> Blueprint:
    """The routes of users."""
    routes = Blueprint("users", __name__, url_prefix="/api/v1/users")

    @routes.get("/me")
    def show_me() -> ResponseReturnValue:
        return jsonify(users.find(principal(), principal().user_id, origin()))

    @routes.get("/<uuid:user_id>")
    def show(user_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(users.find(principal(), user_id, origin()))

    return routes
