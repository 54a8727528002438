"""An HTTP server on loopback that gets events, and behaves as badly as it is told to."""
from __future__ import annotations

import email.parser
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

Answer = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Received:
    """A request; names of headers are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


def reply(text: str) -> Answer:
    """Answer with these lines and keep the connection open."""
    data = text.replace("\n", "\r\n").encode()
    return lambda client: client.sendall(data)


def status(number: int, *headers: str) -> Answer:
    """Answer with a status and nothing else."""
    return reply("\n".join([f"HTTP/1.1 {number} x", "Content-Length: 0", *headers, "", ""]))


def hang_up(client: socket.socket) -> None:
    """Close the connection instead of answering."""
    client.shutdown(socket.SHUT_RDWR)


def silence(client: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    with suppress(OSError):
        client.recv(1)


def trickle(head: bytes) -> Answer:
    """Send these bytes and then one more every 20 ms, for as long as somebody listens."""
    def answer(client: socket.socket) -> None:
        pause = threading.Event()
        with suppress(OSError):
            client.sendall(head)
            while not pause.wait(0.02):
                client.sendall(b"x")

    return answer


class ReceivingServer:
    """Start it with `with`; `received` lists the requests, `answer` can be changed at any time."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.answer: Answer = status(204)
        self.received: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/hook"
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> ReceivingServer:
        self._threads[0].start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Return when no thread of it is left."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                # Another handle, because TLS takes the first one over.
                self._clients.append(client.dup())
                thread = threading.Thread(target=self._serve, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with suppress(OSError):
                if self._tls is not None:
                    client = self._tls.wrap_socket(client, server_side=True)
                with client.makefile("rb") as stream:
                    while (request := _read(stream)) is not None:
                        self.received.append(request)
                        self.answer(client)
        finally:
            client.close()


def _read(stream: IO[bytes]) -> Received | None:
    line = stream.readline().decode().rstrip()
    if not line:
        return None
    head = b""
    while (header := stream.readline()) not in (b"\r\n", b""):
        head += header
    parsed = email.parser.BytesParser().parsebytes(head)
    headers = {name.lower(): value for name, value in parsed.items()}
    return Received(line, headers, stream.read(int(headers.get("content-length", "0"))))
