"""HTTP to receivers that are trusted with nothing: neither with their address nor their answer."""
from __future__ import annotations

import http.client
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from predict.outbox.addresses import AddressGuard

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 15.0
# Of an answer only its status matters; a longer one costs the connection.
MAX_ANSWER_BYTES = 4096
MAX_ADDRESSES = 8

Resolve = Callable[..., list[Any]]

log = logging.getLogger(__name__)


class SendError(Exception):
    """The receiver could not be asked, or gave no answer; `outcome` is one word for it."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class Sender:
    """Opens channels to receivers. No proxy of the environment is used.

    `guard` decides on each address right before it is connected to, so that it does not matter
    what a name resolved to before; without one every address will do. Certificates are verified.
    """

    def __init__(
        self,
        guard: AddressGuard | None,
        seconds: float = ATTEMPT_SECONDS,
        resolve: Resolve = socket.getaddrinfo,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._guard = guard
        self.seconds = seconds
        self._resolve = resolve
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None

    def open(self, url: str) -> Channel:
        """A channel to one URL; it connects when it is first used."""
        return Channel(self, url)

    def dial(self, host: str, port: int, deadline: float) -> socket.socket:
        """A TCP connection to an address that was checked. Raises SendError."""
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SendError("unreachable", "Its name cannot be resolved.") from error
        problem: Exception | None = None
        for family, kind, protocol, _, address in found[:MAX_ADDRESSES]:
            if self._guard is not None and not self._guard.admits(address[0]):
                log.warning("an address is refused", extra={"host": host, "address": address[0]})
                continue
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(
                    max(0.001, min(CONNECT_SECONDS, deadline - time.monotonic())))
                connection.connect(address)
                connection.settimeout(self.seconds)
                return connection
            except OSError as error:
                connection.close()
                problem = error
        if problem is None:
            raise SendError(
                "refused", "It has no address that is public or allowed (WEBHOOK_NETWORKS).")
        raise SendError("unreachable", f"It cannot be connected to: {_words(problem)}.")

    def secure(self, connection: socket.socket, host: str) -> ssl.SSLSocket:
        """TLS over a connection, once the certificate is proven to be the host's."""
        if self._tls is None:
            self._tls = self._make_tls()
        return self._tls.wrap_socket(connection, server_hostname=host.rstrip("."))


class Channel:
    """Requests to one URL over one connection, for one thread; close it."""

    def __init__(self, sender: Sender, url: str) -> None:
        parts = urlsplit(url)
        self._sender = sender
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._http: http.client.HTTPConnection | None = None
        # Stays valid when TLS takes the socket over.
        self._handle: socket.socket | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, whichever it is: redirects are not followed.

        Raises SendError. However slowly a receiver answers, this takes no longer than the
        sender's `seconds` once its name is resolved.
        """
        deadline = time.monotonic() + self._sender.seconds
        kept = self._http is not None
        try:
            try:
                return self._exchange(body, headers, deadline)
            except (http.client.RemoteDisconnected, ConnectionError):
                if not kept or time.monotonic() >= deadline:
                    raise
                # It had closed a connection that was kept open.
                self.close()
                return self._exchange(body, headers, deadline)
        except SendError:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._explain(error, deadline) from error

    def close(self) -> None:
        """Give the connection up; the next request opens another."""
        if self._http is not None:
            self._http.close()
        if self._handle is not None:
            self._handle.close()
        self._http = self._handle = None

    def _exchange(self, body: bytes, headers: Mapping[str, str], deadline: float) -> int:
        fresh: socket.socket | None = None
        if self._handle is None:
            fresh = self._sender.dial(self._host, self._port, deadline)
            self._handle = fresh.dup()
        with _cut(self._handle, deadline):
            if fresh is not None:
                self._http = self._begin(fresh)
            assert self._http is not None  # nosec B101  # for mypy
            self._http.request("POST", self._target, body, dict(headers))
            with self._http.getresponse() as answer:
                if time.monotonic() >= deadline:
                    raise TimeoutError  # what was cut off looks like an answer without headers
                self._drain(answer)
        return answer.status

    def _begin(self, connection: socket.socket) -> http.client.HTTPConnection:
        """HTTP on a connection of ours: it has no way to connect by itself."""
        begun = http.client.HTTPConnection(self._host, self._port)
        begun.auto_open = 0
        begun.sock = connection
        if self._secure:
            begun.default_port = 443
            try:
                begun.sock = self._sender.secure(connection, self._host)
            except BaseException:
                begun.close()
                raise
        return begun

    def _drain(self, answer: http.client.HTTPResponse) -> None:
        """Keep the connection if the answer's end is near, else give it up."""
        with suppress(OSError, http.client.HTTPException):
            answer.read(MAX_ANSWER_BYTES)
        if answer.will_close or not answer.isclosed():
            self.close()

    def _explain(self, error: Exception, deadline: float) -> SendError:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            return SendError("silent", f"It did not answer within {self._sender.seconds:g} s.")
        if isinstance(error, ssl.SSLCertVerificationError):
            return SendError("unreachable", f"Its certificate is not valid: "
                                            f"{error.verify_message}.")
        if isinstance(error, ssl.SSLError):
            words = (error.reason or "no answer").replace("_", " ").lower()
            return SendError("unreachable", f"TLS failed: {words}.")
        if isinstance(error, (http.client.RemoteDisconnected, OSError)):
            return SendError("unreachable", f"It gave no answer: {_words(error)}.")
        return SendError("unreachable", "It does not speak HTTP.")


@contextmanager
def _cut(handle: socket.socket, deadline: float) -> Iterator[None]:
    """Shut a connection down that is still waited for at the deadline.

    Timeouts of sockets begin anew with every byte.
    """
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, [handle])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    """The system's own words for an error, without the addresses that Python adds."""
    number = getattr(error, "errno", None)
    if isinstance(error, TimeoutError) or number is None:
        return "no answer" if isinstance(error, TimeoutError) else "it hung up"
    return os.strerror(number).lower()
