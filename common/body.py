"""Request bodies, never longer than allowed and never cut short in silence."""
from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO

from flask import Flask, request

from common.errors import InvalidRequest, PayloadTooLarge, RequestTimeout, UnsupportedMedia

MAX_DISCARDED_BYTES = 16 << 20
# How much of a body is read at once.
READ_BYTES = 1 << 18


class BoundedBody(io.RawIOBase):
    """A body stream that raises PayloadTooLarge as soon as more than `limit` bytes are read.

    Werkzeug's own limit (MAX_CONTENT_LENGTH) truncates chunked bodies without an error, and the
    OpenFaaS watchdog sends every body chunked. A body that ends before its declared `length`, or
    whose chunks are malformed, raises InvalidRequest; one that the server gives up waiting for,
    RequestTimeout.
    """

    def __init__(self, stream: IO[bytes], limit: int, length: int | None = None) -> None:
        self._stream = stream
        self._limit = limit
        self._length = length or 0
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # narrower buffer
        data = self._take(len(buffer))
        buffer[:len(data)] = data
        return len(data)

    def _take(self, size: int) -> bytes:
        data = self._read(min(size, self._limit + 1 - self._count))
        self._count += len(data)
        if self._count > self._limit:
            self.discard()
            raise too_large(self._limit)
        if not data and size > 0 and self._count < self._length:
            raise InvalidRequest("The request body ended before its Content-Length.")
        return data

    def read(self, size: int | None = -1) -> bytes:
        """Like readinto, which RawIOBase would go by, without two copies of what was read."""
        if size is None or size < 0:
            return self.readall()
        return self._take(size)

    def readall(self) -> bytes:
        """Like RawIOBase's, in fewer and larger pieces."""
        return b"".join(iter(lambda: self._take(READ_BYTES), b""))

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except TimeoutError as error:
            raise RequestTimeout("The request body did not arrive in time.") from error
        except Exception as error:  # servers raise errors of their own for a broken connection
            raise InvalidRequest("The request body is malformed or ended early.") from error

    def discard(self) -> None:
        """Read on for a while, so that a client still sending gets to see the answer."""
        most = min(self._limit, MAX_DISCARDED_BYTES)
        while most > 0 and (data := self._read(min(most, 1 << 16))):
            most -= len(data)


def too_large(limit: int) -> PayloadTooLarge:
    """The error for a body of more than `limit` bytes."""
    return PayloadTooLarge(f"The request body may have at most {limit} bytes.")


def install_body_limits(app: Flask, usual: int, by_rule: Mapping[str, int]) -> None:
    """Refuse encoded and over-long bodies of every route of `app`.

    A body may have `usual` bytes, unless `by_rule` has another limit for its route.
    """

    @app.before_request
    def bound_body() -> None:
        limit = by_rule.get(request.url_rule.rule, usual) if request.url_rule else usual
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMedia("Send the body without a Content-Encoding.")
        stream = BoundedBody(request.environ["wsgi.input"], limit, request.content_length)
        if (request.content_length or 0) > limit:
            stream.discard()
            raise too_large(limit)
        request.environ["wsgi.input"] = stream
