"""The description of the HTTP interface: as an OpenAPI document, and to read at /docs."""
from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

DOCUMENT, PAGE, STYLE = "/api/v1/openapi.json", "/docs", "/docs/style.css"
OPEN_PATHS = frozenset({DOCUMENT, PAGE, STYLE})
MAX_AGE_SECONDS = 300

_FOLDER = Path(__file__).parent


def create_routes() -> Blueprint:
    """The routes of the description, which anybody may read."""
    routes = Blueprint("reference", __name__)

    @routes.get(DOCUMENT)
    def document() -> Response:
        return _file("openapi.json")

    @routes.get(PAGE)
    def page() -> Response:
        return _file("docs.html")

    @routes.get(STYLE)
    def style() -> Response:
        return _file("style.css")

    return routes


def _file(name: str) -> Response:
    answer = send_from_directory(_FOLDER, name, max_age=MAX_AGE_SECONDS)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'")
    return answer
