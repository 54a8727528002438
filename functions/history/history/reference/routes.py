"""The description of the HTTP interface: as an OpenAPI document, and to read at /docs."""
from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, request

DOCUMENT, PAGE, STYLE = "/api/v1/openapi.json", "/docs", "/docs/style.css"
OPEN_PATHS = frozenset({DOCUMENT, PAGE, STYLE})
MAX_AGE_SECONDS = 300
# The page has no script, and nothing from elsewhere.
POLICY = ("default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
          "frame-ancestors 'none'")

_FOLDER = Path(__file__).parent


def create_routes() -> Blueprint:
    """The routes of the description, which anybody may read."""
    routes = Blueprint("reference", __name__)

    @routes.get(DOCUMENT)
    def document() -> Response:
        return _file("openapi.json", "application/json")

    @routes.get(PAGE)
    def page() -> Response:
        return _file("docs.html", "text/html")

    @routes.get(STYLE)
    def style() -> Response:
        return _file("style.css", "text/css")

    return routes


def _file(name: str, media_type: str) -> Response:
    answer = Response((_FOLDER / name).read_bytes(), mimetype=media_type)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.cache_control.public = True
    answer.cache_control.max_age = MAX_AGE_SECONDS
    answer.add_etag()
    answer.make_conditional(request)
    return answer
