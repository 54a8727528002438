"""The answer to what is no HTTP request, and therefore never reaches the application."""
from __future__ import annotations

import json
from http import HTTPStatus

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException,
    UnsupportedTransferCoding)

_STATUS: dict[type[Exception], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


def answer_to(error: ParseException, request_id: str) -> bytes:
    """A complete response with a problem (RFC 9457), after which the connection is closed."""
    status = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
    body = json.dumps({
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": status.description or "The request is not well-formed HTTP/1.1.",
        "instance": "",
        "request_id": request_id,
    })
    head = (f"HTTP/1.1 {status.value} {status.phrase}", "Connection: close",
            "Content-Type: application/problem+json", f"Content-Length: {len(body)}",
            f"X-Request-Id: {request_id}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode("ascii")
