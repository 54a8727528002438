"""/api/v1/models: parse, call once, serialise."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from common.errors import InvalidRequest, InvalidValue
from common.web import origin, require_admin
from model_admin.registry.repository import Row
from model_admin.registry.service import ModelRegistry

PATH = "/api/v1/models"
MAX_KEY_CHARACTERS = 512
MAX_KEY_BYTES = 1024  # S3's limit, in UTF-8
MAX_JSON_BYTES = 1 << 16


def create_routes(registry: ModelRegistry) -> Blueprint:
    """The routes of model versions, for administrators only."""
    routes = Blueprint("models", __name__, url_prefix=PATH)
    routes.before_request(require_admin)

    @routes.post("")
    def register() -> ResponseReturnValue:
        register_sent = _register_stored if request.is_json else _register_upload
        row, created = register_sent(registry)
        location = url_for(".show", version=row["version"])
        return jsonify(row), 202 if created else 200, {"Location": location}

    @routes.get("")
    def list_versions() -> ResponseReturnValue:
        return {"models": registry.list()}

    @routes.get("/<version>")
    def show(version: str) -> ResponseReturnValue:
        return jsonify(registry.find(version))

    return routes


def _register_upload(registry: ModelRegistry) -> tuple[Row, bool]:
    upload = request.files.get("archive")
    if upload is None:
        raise _no_archive()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive.zip")
        upload.save(path)
        return registry.register(path, origin())


def _register_stored(registry: ModelRegistry) -> tuple[Row, bool]:
    # The limit of the route is that of an archive; JSON is read into memory.
    request.max_content_length = MAX_JSON_BYTES
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or "object_key" not in body:
        raise _no_archive()
    return registry.register_stored(_object_key(body["object_key"]), origin())


def _no_archive() -> InvalidRequest:
    return InvalidRequest(
        "Send the zip file as the multipart field archive, or a JSON object with object_key.")


def _object_key(value: Any) -> str:
    """A key that means the same to every S3 server."""
    if not isinstance(value, str) or not value.isprintable() or ".." in value:
        raise _bad_key()
    if not 0 < len(value) <= MAX_KEY_CHARACTERS or len(value.encode()) > MAX_KEY_BYTES:
        raise _bad_key()
    if any(part in ("", ".") for part in value.split("/")):
        raise _bad_key()
    return value


def _bad_key() -> InvalidValue:
    return InvalidValue(
        f"object_key must have 1 to {MAX_KEY_CHARACTERS} printable characters, as in "
        "incoming/model.zip: no slash at either end, no empty part, no dots for a folder.")
