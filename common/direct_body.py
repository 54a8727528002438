"""Request bodies read straight from their connections."""
from __future__ import annotations

from gunicorn.http.body import Body, LengthReader  # type: ignore[import-untyped]


class DirectBody:
    """A body of known length, as `wsgi.input`: what is received is handed on as it is.

    gunicorn's own receives ahead into a buffer, and copies all of that at every read. It can be
    asked for the rest of the body afterwards.
    """

    def __init__(self, body: Body) -> None:
        self._body = body

    @staticmethod
    def fits(body: Body) -> bool:
        """Whether the length of a body is known, as it is not of one in chunks."""
        return isinstance(body.reader, LengthReader)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, as soon as there are any; none at the end, or at an early one."""
        reader = self._body.reader
        size = min(size, reader.length)
        if size == 0:
            return b""
        received: bytes
        # What came together with the head.
        if held := reader.unreader.buf.getbuffer().nbytes:
            received = reader.unreader.read(min(size, held))
        else:
            received = self._receive(size)
        reader.length -= len(received)
        return received

    def _receive(self, size: int) -> bytes:
        try:
            received: bytes = self._body.reader.unreader.sock.recv(size)
        except Exception:
            self._body.failed = True  # where the next request begins is not known
            raise
        if not received:
            self._body.failed = True
        return received
