"""Connections of clients that may take their time, but not for ever, and at nobody's expense."""
from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

# A client may keep us waiting so long, and longer only by what it sends or takes meanwhile: in
# the long run it must move SLOWEST_RATE bytes a second. A head gains no time.
PATIENCE_SECONDS, LINGER_SECONDS = 10.0, 2.0
SLOWEST_RATE = 8192
MAX_LINGERING_BYTES = 1 << 20


def _nothing() -> None:
    """What surrounds the wait of somebody who holds nothing."""


class WaitingRoom:
    """The connections that wait for their clients; who comes when it is full sends the one away
    whose request began first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._inside: set[PacedSocket] = set()
        self._lock = threading.Lock()

    @contextmanager
    def inside(self, connection: PacedSocket) -> Iterator[None]:
        """While it lasts, the connection waits."""
        with self._lock:
            if len(self._inside) >= self._size:
                oldest = min(self._inside, key=lambda each: each.begun_at)
                self._inside.remove(oldest)
                oldest.cut()
            self._inside.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._inside.discard(connection)


class PacedSocket:
    """A client's connection, for gunicorn to read from and to write to.

    Whoever waits for the client does so in a waiting room: one for heads, one for all else.
    Raises TimeoutError when the client is too slow, or is sent away.
    """

    def __init__(self, sock: socket.socket, heads: WaitingRoom, others: WaitingRoom) -> None:
        self._sock = sock
        self._heads, self._others = heads, others
        self._cut = self._sending = self._ended = False
        self.expect_head()

    def expect_head(self) -> None:
        """From now on the client has to send the head of a request."""
        self._begin(self._heads, PATIENCE_SECONDS)

    def expect_body(
        self, step_aside: Callable[[], None] = _nothing, step_back: Callable[[], None] = _nothing,
    ) -> None:
        """From now on the client has to send a body, and to take an answer.

        `step_aside` and `step_back` are called around each wait.
        """
        self._begin(self._others, PATIENCE_SECONDS)
        self._gain = 1 / SLOWEST_RATE
        self._step_aside, self._step_back = step_aside, step_back

    def sends_within(self, seconds: float) -> bool:
        """Whether there is something to read by then, be it the end."""
        return self._is_ready(select.POLLIN, seconds)

    def recv(self, size: int) -> bytes:
        """Bytes of the client, b"" after its last."""
        if not self._is_ready(select.POLLIN, 0):
            if self._ended:
                return b""
            self._wait(select.POLLIN)
        data = self._sock.recv(size)
        if self._cut:
            raise _too_slow()
        self._note(len(data))
        return data

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        left = memoryview(data)
        while left:
            if not self._is_ready(select.POLLOUT, 0):
                self._sending = True
                self._wait(select.POLLOUT)
                self._sending = False
            sent = self._sock.send(left, socket.MSG_DONTWAIT)
            self._note(sent)
            left = left[sent:]

    def linger(self) -> None:
        """Say that nothing more comes, and give the client a moment to read what has come.

        To close a connection with bytes unread throws away what the client has not read yet.
        """
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            self._begin(self._others, LINGER_SECONDS)
            read = 0
            while read < MAX_LINGERING_BYTES and (data := self.recv(1 << 16)):
                read += len(data)
        self._ended = True

    def cut(self) -> None:
        """Let nobody wait for this client any longer."""
        self._cut = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR if self._sending else socket.SHUT_RD)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _begin(self, room: WaitingRoom, seconds: float) -> None:
        self.begun_at = time.monotonic()
        self._room, self._patience, self._gain = room, seconds, 0.0
        self._step_aside = self._step_back = _nothing

    def _note(self, count: int) -> None:
        self._patience = min(self._patience + count * self._gain, PATIENCE_SECONDS)

    def _is_ready(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._sock, event)
        return bool(poll.poll(seconds * 1000))

    def _wait(self, event: int) -> None:
        limit = self._sock.gettimeout()
        seconds = self._patience if limit is None else min(self._patience, limit)
        begun = time.monotonic()
        self._step_aside()
        try:
            with self._room.inside(self):
                ready = seconds > 0 and self._is_ready(event, seconds)
        finally:
            self._step_back()
        self._patience -= time.monotonic() - begun
        if self._cut or not ready:
            raise _too_slow()


def _too_slow() -> TimeoutError:
    # gunicorn drops connections with this number without a word in its log.
    return TimeoutError(errno.ECONNRESET, "The client is too slow.")
