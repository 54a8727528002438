"""Clients that hold on to a server without needing it."""
from __future__ import annotations

import socket
import threading
from contextlib import suppress

BEAT_SECONDS = 1.0


class SlowClients:
    """So many connections that have sent `begun`, and send `then` a byte a second, for ever.

    They read nothing of what they are answered, and never hang up by themselves.
    """

    def __init__(
        self, host: str, port: int, count: int, begun: bytes = b"", then: bytes = b"",
    ) -> None:
        self.sockets = [self._connected(host, port, begun) for _ in range(count)]
        self._then = then
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._dribble)

    @staticmethod
    def _connected(host: str, port: int, begun: bytes) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(30)
        made.connect((host, port))
        made.sendall(begun)
        return made

    def answered(self) -> list[bytes]:
        """What those have read that the server has answered, and hung up on, by now."""
        found = []
        for each in self.sockets:
            each.setblocking(False)
            with suppress(OSError):
                found.append(each.recv(4096))
        return found

    def _dribble(self) -> None:
        sent = 0
        while not self._ended.wait(BEAT_SECONDS):
            for each in self.sockets:
                with suppress(OSError):  # it has been hung up on
                    each.send(self._then[sent % len(self._then):][:1], socket.MSG_DONTWAIT)
            sent += 1

    def __enter__(self) -> SlowClients:
        if self._then:
            self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        if self._then:
            self._thread.join()
        for each in self.sockets:
            each.close()
