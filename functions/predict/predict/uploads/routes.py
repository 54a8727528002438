"""/api/v1/uploads: parse, call once, serialise."""
from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.web import principal
from predict.uploads.service import Uploads


def create_routes(uploads: Uploads) -> Blueprint:
    """The routes of uploads."""
    routes = Blueprint("uploads", __name__, url_prefix="/api/v1/uploads")

    @routes.post("")
    def allow() -> ResponseReturnValue:
        body = request.get_json(silent=True)
        filename, content_type = _text(body, "filename"), _text(body, "content_type")
        upload = uploads.allow(principal(), filename, content_type)
        answer = jsonify({
            "upload_id": upload.upload_id,
            "object_key": upload.object_key,
            "url": upload.form.url,
            "fields": upload.form.fields,
            "expires_at": upload.expires_at,
            "max_bytes": upload.max_bytes,
        })
        # Whoever knows the fields may use them.
        answer.headers["Cache-Control"] = "no-store"
        return answer, 201, {"Location": url_for(".show", upload_id=upload.upload_id)}

    @routes.get("/<uuid:upload_id>")
    def show(upload_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(uploads.find(principal(), upload_id))

    return routes


def _text(body: Any, name: str) -> str:
    if not isinstance(body, dict) or name not in body:
        raise InvalidRequest("Send a JSON object with filename and content_type.")
    text = body[name]
    if not isinstance(text, str):
        raise InvalidValue(f"{name} must be a text.")
    return text
