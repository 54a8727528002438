"""GET /api/v1/images/{id}: parse, call once, serialise."""
from __future__ import annotations

import re
import uuid
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from common.web import origin, principal
from history.images.repository import Image
from history.images.service import ImageArchive


def create_routes(archive: ImageArchive) -> Blueprint:
    """The routes of stored pictures."""
    routes = Blueprint("images", __name__)

    @routes.get("/api/v1/images/<uuid:image_id>")
    def show_image(image_id: uuid.UUID) -> ResponseReturnValue:
        return jsonify(archive.find(principal(), image_id, origin()))

    @routes.get("/api/v1/images/<uuid:image_id>/content")
    def show_content(image_id: uuid.UUID) -> ResponseReturnValue:
        image = archive.find(principal(), image_id, origin())
        if image.sha256 is not None and request.if_none_match.contains_weak(image.sha256):
            return _described(Response(status=304), image)
        if request.method == "HEAD":
            return _described(Response(), image)
        return _described(Response(archive.open(image).chunks), image)

    return routes


def _described(answer: Response, image: Image) -> Response:
    """Headers that a picture's answer has with and without its body."""
    if image.sha256 is not None:
        answer.set_etag(image.sha256)
    answer.cache_control.private = True
    answer.cache_control.immutable = True
    answer.cache_control.max_age = 31_536_000
    if answer.status_code != 304:
        answer.mimetype = image.content_type
        answer.content_length = image.size_bytes
        # Shown by no browser as a page of this origin, whatever its bytes claim to be.
        answer.headers.set("Content-Disposition", "attachment", **_download_name(image.filename))
    return answer


def _download_name(filename: str) -> dict[str, str]:
    """The parameters of Content-Disposition (RFC 6266 §4.3), which must be printable ASCII.

    Any other name is given twice: as it is, in the encoding of RFC 8187, and simplified.
    """
    name = "".join(character for character in filename if character.isprintable()) or "picture"
    simple = re.sub(r"[^ !#$&-\[\]-~]", "_", name)
    if simple == name:
        return {"filename": name}
    return {"filename": simple, "filename*": f"UTF-8''{quote(name, safe='')}"}
