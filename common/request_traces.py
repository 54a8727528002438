"""A span for every request that a function answers."""
from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, Response, g, request

from common import tracing


def install_request_traces(app: Flask) -> None:
    """Give every request a span, below that of its `traceparent` if it has one. Attributes are
    named by OpenTelemetry's semantic conventions for HTTP. Without a collector, do nothing."""
    if not tracing.is_on():
        return

    @app.before_request
    def begin() -> None:
        route = request.url_rule.rule if request.url_rule else ""
        g.span = ExitStack()
        g.span.enter_context(tracing.server_span(
            f"{request.method} {route}".strip(), request.headers, {
                "http.request.method": request.method, "http.route": route,
                "url.path": request.path, "imgclass.request_id": g.request_id}))

    @app.after_request
    def answered(answer: Response) -> Response:
        if "span" in g:
            tracing.note_status(answer.status_code)
        return answer

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "span" in g:
            g.pop("span").close()
