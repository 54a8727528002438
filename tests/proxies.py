"""A TCP proxy that cuts connections at the worst moment."""
from __future__ import annotations

import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Passes bytes between clients and a server until it meets the words it waits for.

    Only unencrypted connections can be watched.
    """

    host = "127.0.0.1"

    def __init__(self, server_host: str, server_port: int, port: int = 0) -> None:
        self._server = (server_host, server_port)
        self._before: bytes | None = None
        self._after: bytes | None = None
        self._listener = socket.create_server((self.host, port))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def cut_before(self, words: bytes) -> None:
        """Cut the connection whose client sends these words; the server never sees them."""
        self._before, self._after = words, None

    def cut_after(self, words: bytes) -> None:
        """Pass these words on to the server, wait for its answer, and cut instead of giving it."""
        self._before, self._after = None, words

    def heal(self) -> None:
        """Pass on everything from now on."""
        self._before = self._after = None

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server, timeout=30)
                self._sockets += [client, server]
                thread = threading.Thread(target=self._pass_on, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        answered_in_vain = threading.Event()
        back = threading.Thread(target=self._pass_back, args=(client, server, answered_in_vain))
        back.start()
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self._before is not None and self._before in data:
                    break
                if self._after is not None and self._after in data:
                    answered_in_vain.set()
                server.sendall(data)
        _hang_up(client)
        # Half-closed, the server still finishes what it was told and then hangs up itself.
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)
        back.join(30)
        client.close()
        server.close()

    @staticmethod
    def _pass_back(
        client: socket.socket, server: socket.socket, answered_in_vain: threading.Event,
    ) -> None:
        with suppress(OSError):
            while (data := server.recv(1 << 16)) and not answered_in_vain.is_set():
                client.sendall(data)
        _hang_up(client)

    def __enter__(self) -> CuttingProxy:
        self._threads[0].start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()
        for thread in self._threads:
            thread.join(30)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
