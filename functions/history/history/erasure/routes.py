"""DELETE /api/v1/images/{id} and /api/v1/users/{id}: parse, call once, serialise."""
from __future__ import annotations

import uuid

from flask import Blueprint
from flask.typing import ResponseReturnValue

from common.parameters import sent_integer
from common.problems import RETRY_AFTER_SECONDS
from common.web import origin, principal
from history.erasure.service import Erasures

DEFAULT_DRAIN_SECONDS, MAX_DRAIN_SECONDS = 20, 50


def create_routes(erasures: Erasures) -> Blueprint:
    """The routes that erase; they may be repeated until they answer 204."""
    routes = Blueprint("erasure", __name__)

    @routes.delete("/api/v1/images/<uuid:image_id>")
    def erase_image(image_id: uuid.UUID) -> ResponseReturnValue:
        return _told(erasures.erase_image(principal(), image_id, origin()))

    @routes.delete("/api/v1/users/me")
    def erase_me() -> ResponseReturnValue:
        return _told(erasures.erase_user(principal(), principal().user_id, origin()))

    @routes.delete("/api/v1/users/<uuid:user_id>")
    def erase_user(user_id: uuid.UUID) -> ResponseReturnValue:
        return _told(erasures.erase_user(principal(), user_id, origin()))

    @routes.post("/events/erasures")
    def drain() -> ResponseReturnValue:
        """For schedulers, with the machines' token."""
        return erasures.drain(
            sent_integer("seconds", DEFAULT_DRAIN_SECONDS, 1, MAX_DRAIN_SECONDS))

    return routes


def _told(finished: bool) -> ResponseReturnValue:
    if finished:
        return "", 204
    return {"state": "pending"}, 202, {"Retry-After": str(RETRY_AFTER_SECONDS)}
