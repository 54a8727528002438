"""Errors to application/problem+json (RFC 9457): the one place that knows their HTTP status."""
from __future__ import annotations

import logging
import re
from typing import Any

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from common import errors

RETRY_AFTER_SECONDS = 2

STATUS: dict[type[errors.ImgclassError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.RequestTimeout: 408,
    errors.Conflict: 409,
    errors.KeyReused: 409,
    errors.InProgress: 409,
    errors.Gone: 410,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.InvalidValue: 422,
    errors.BrokenPicture: 422,
    errors.InvalidModel: 422,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.CommitUnknown: 503,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 503,
}

log = logging.getLogger(__name__)


def describe(error: Exception) -> dict[str, Any]:
    """The problem of an exception; of what nobody foresaw it tells nothing, but the log does."""
    if not isinstance(error, errors.ImgclassError):
        log.error("unexpected error", exc_info=error)
        return _document(500, "Internal Server Error", "The server failed; its log knows why.")
    known = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status, title = STATUS[known], _words(known)
    if status == 503 and not isinstance(error, errors.Overloaded):
        # Of those that were turned away there are many, and each line costs time.
        log.warning("unavailable: %s", error, exc_info=error)
    return _document(status, title, str(error), title.lower().replace(" ", "-"))


def install_error_map(app: Flask) -> None:
    """Answer every exception with a problem; what nobody foresaw is logged and told nothing."""

    @app.errorhandler(errors.ImgclassError)
    def domain_error(error: errors.ImgclassError) -> Response:
        answer = _answer(describe(error))
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, errors.TooManyRequests):
            answer.headers["Retry-After"] = str(error.retry_after)
        # Repeating what may have been stored after all would store it twice.
        if answer.status_code == 503 and not isinstance(error, errors.CommitUnknown) \
                or isinstance(error, errors.InProgress):
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        answer = _answer(_document(
            error.code or 500, error.name, error.description or error.name))
        for name, value in error.get_headers():
            if name != "Content-Type":
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def unexpected_error(error: Exception) -> Response:
        return _answer(describe(error))


def _document(status: int, title: str, detail: str, kind: str = "") -> dict[str, Any]:
    return {
        "type": f"urn:imgclass:problem:{kind}" if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": g.request_id,
    }


def _answer(document: dict[str, Any]) -> Response:
    return Response(
        json.dumps(document), document["status"], mimetype="application/problem+json")


def _words(kind: type[Exception]) -> str:
    """PayloadTooLarge -> Payload too large."""
    return re.sub(r"(?<=.)([A-Z])", lambda match: " " + match[1].lower(), kind.__name__)
