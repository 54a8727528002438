"""gunicorn's worker with threads, for functions that are reached without a gateway in front.

As it comes, that worker gives a thread to each client that has connected: a handful of clients
that send a byte a second, or nothing at all, keep all others out. Here a client gets a thread once
it sends, and those that are waited for are bounded in number and in time.
"""
from __future__ import annotations

import errno
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName, ParseException)
from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from common.deadlines import HEADER, Deadline, deadline_of
from common.direct_body import DirectBody
from common.errors import DeadlineExceeded, Overloaded
from common.malformed import answer_to
from common.paced_socket import PATIENCE_SECONDS, PacedSocket, WaitingRoom
from common.serving import DEADLINE, PUBLIC_PATHS, REFUSAL
from common.turns import Turns

# Connections that send nothing; and threads that wait for slow clients, and that turn away.
MAX_SILENT = 512
SLOW_HEADS = SLOW_OTHERS = 32
# How long a thread stays with a client it has answered.
STAY_SECONDS = 0.005
# What is read of a body that nobody wanted, so that its connection can be kept.
MAX_DRAINED_BYTES = 1 << 20
SPARE_THREADS = SLOW_HEADS + SLOW_OTHERS + 8
# What gunicorn raises for faults that are not the client's.
OUR_FAULTS = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gthread worker that survives slow clients and more requests than it can answer.

    `places` requests are worked on at once and up to `line` wait for that, each no longer than
    `timeout_seconds`; the application hears of those that are turned away. PUBLIC_PATHS are
    answered at once.
    """

    places = 8
    line = 56
    timeout_seconds = 30.0
    wsgi: Callable[..., Iterable[bytes]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.max_keepalived -= MAX_SILENT
        self._turns = Turns(self.places, self.line)
        self._heads, self._others = WaitingRoom(SLOW_HEADS), WaitingRoom(SLOW_OTHERS)
        self._current = threading.local()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = self._told(self.wsgi)

    def accept(self, listener: socket.socket) -> None:
        """Give the connection a thread as soon as there is something to read."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, PacedSocket(client, self._heads, self._others), address,
                     listener.getsockname())
        conn.timeout = time.monotonic() + PATIENCE_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if len(self.pending_conns) > MAX_SILENT:
            self.pending_conns[0].timeout = 0
            self.murder_pending()

    def handle(self, conn: TConn) -> Any:
        """Read a request and answer it, and those that follow at once; whether the connection is
        kept.

        To give a connection back and be given it again takes four changes between threads.
        """
        conn.sock.expect_head()
        kept = super().handle(conn)
        while kept is True and self.alive and conn.sock.sends_within(STAY_SECONDS):
            conn.sock.expect_head()
            kept = super().handle(conn)
        if not kept:
            conn.sock.linger()  # here, because gunicorn's loop would do it for one at a time
        return kept

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request when it is its turn, or turn it away."""
        arrived = time.monotonic()
        sent = next((value for name, value in req.headers if name == HEADER.upper()), None)
        deadline = deadline_of(arrived, sent, self.timeout_seconds)
        self._current.told = {DEADLINE: deadline}
        if req.path in PUBLIC_PATHS or not self._take_turn(deadline):
            conn.sock.expect_body()
            return super().handle_request(req, conn)
        try:
            conn.sock.expect_body(self._turns.give_back, self._turns.take_again)
            return super().handle_request(req, conn)
        finally:
            self._turns.give_back()
            conn.sock.expect_body()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no request with a problem, as all other errors are."""
        if not isinstance(exc, ParseException) or isinstance(exc, OUR_FAULTS):
            super().handle_error(req, client, addr, exc)
            return
        request_id = uuid.uuid4().hex
        self.log.warning("malformed request %s: %s", request_id, exc)
        with suppress(OSError):  # the client has gone
            write_nonblock(client, answer_to(exc, request_id))

    def _take_turn(self, deadline: Deadline) -> bool:
        try:
            self._turns.take(deadline.remaining())
            return True
        except (Overloaded, DeadlineExceeded) as refusal:
            self._current.told[REFUSAL] = refusal
            return False

    def _told(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environ.update(self._current.told)
            body = environ["wsgi.input"]
            if DirectBody.fits(body):
                environ["wsgi.input"] = DirectBody(body)
            answer = app(environ, start_response)
            # Of a body in chunks nobody knows how much is left.
            if getattr(body.reader, "length", 0) >= MAX_DRAINED_BYTES:
                start_response.__self__.force_close()  # the head is not sent yet
            return answer
        return wsgi

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Read what is left of a body, up to MAX_DRAINED_BYTES: gunicorn would give up at 64 kB,
        after it has said that the connection is kept."""
        left = MAX_DRAINED_BYTES
        while keepalive and left > 0 and (data := conn.parser.mesg.body.read(1 << 16)):
            left -= len(data)
        return keepalive and left > 0

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
