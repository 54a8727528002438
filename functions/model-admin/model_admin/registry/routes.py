"""/api/v1/models: parse, call once, serialise."""
from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest
from common.web import principal
from model_admin.registry.service import ModelRegistry


def create_routes(registry: ModelRegistry) -> Blueprint:
    """The routes of model versions, for administrators only."""
    routes = Blueprint("models", __name__, url_prefix="/api/v1/models")

    @routes.before_request
    def require_admin() -> None:
        principal().require_admin()

    @routes.post("")
    def register() -> ResponseReturnValue:
        upload = request.files.get("archive")
        if upload is None:
            raise InvalidRequest("Send the zip file as the multipart field archive.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "archive.zip")
            upload.save(path)
            row, created = registry.register(path, principal())
        location = url_for(".show", version=row["version"])
        return jsonify(row), 202 if created else 200, {"Location": location}

    @routes.get("")
    def list_versions() -> ResponseReturnValue:
        return {"models": registry.list()}

    @routes.get("/<version>")
    def show(version: str) -> ResponseReturnValue:
        return jsonify(registry.find(version))

    return routes
