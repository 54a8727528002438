"""Rollout of model versions: parse, call once, serialise."""
from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.web import origin, require_admin
from model_admin.rollout.service import ModelRollout


def create_routes(rollout: ModelRollout) -> Blueprint:
    """The routes that decide which versions answer, for administrators only."""
    routes = Blueprint("rollout", __name__, url_prefix="/api/v1/models")
    routes.before_request(require_admin)

    @routes.post("/<version>/activate")
    def activate(version: str) -> ResponseReturnValue:
        return jsonify(rollout.activate(version, origin()))

    @routes.post("/<version>/deactivate")
    def deactivate(version: str) -> ResponseReturnValue:
        return jsonify(rollout.deactivate(version, origin()))

    @routes.post("/rollback")
    def rollback() -> ResponseReturnValue:
        return jsonify(rollout.rollback(origin()))

    @routes.put("/<version>/traffic")
    def set_traffic(version: str) -> ResponseReturnValue:
        percent, shadow = _traffic(request.get_json(silent=True))
        return jsonify(rollout.set_traffic(version, percent, shadow, origin()))

    @routes.delete("/<version>")
    def delete(version: str) -> ResponseReturnValue:
        return jsonify(rollout.delete(version, origin()))

    @routes.get("/<version>/replicas")
    def list_replicas(version: str) -> ResponseReturnValue:
        return {"replicas": rollout.replicas(version)}

    return routes


def _traffic(body: Any) -> tuple[int, bool]:
    if not isinstance(body, dict):
        raise InvalidRequest("Send a JSON object with canary_percent, shadow or both.")
    percent, shadow = body.get("canary_percent", 0), body.get("shadow", False)
    if type(percent) is not int or not 0 <= percent <= 100:
        raise InvalidValue("canary_percent must be a whole number from 0 to 100.")
    if not isinstance(shadow, bool):
        raise InvalidValue("shadow must be true or false.")
    return percent, shadow
