"""The wiring of console: files of one folder, and what a browser is told about them."""
from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

# Beside the handler in the image (template/flask/Dockerfile).
FOLDER = Path(__file__).parents[1] / "console"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(folder: Path = FOLDER) -> Flask:
    """The WSGI application. It needs no setting and no secret, and is ready when it answers."""
    app = Flask("console", static_folder=folder, static_url_path="/console")

    @app.get("/console")
    def without_slash() -> AnyResponse:
        return redirect("/console/", 301)

    @app.get("/console/")
    def index() -> Response:
        return app.send_static_file("index.html")

    @app.get("/health")
    @app.get("/_/health")
    @app.get("/_/ready")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers.update(HEADERS)
        return answer

    return app
