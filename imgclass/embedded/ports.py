"""The ports of the stack on 127.0.0.1: chosen once, written down, and kept while they are free."""
from __future__ import annotations

import errno
import json
import random
import socket
from collections.abc import Callable
from pathlib import Path

from imgclass.embedded import secret_files
from imgclass.embedded.errors import StackError

LOOPBACK = "127.0.0.1"
# Below 32768, where Linux starts to hand out the ports of outgoing connections, and low enough
# for SeaweedFS, whose gRPC ports are these plus 10000.
FIRST, LAST = 12000, 22700
ATTEMPTS = 200


class Ports:
    """Named ports, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._ports: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._ports = {}
        except (OSError, ValueError) as error:
            raise StackError(
                f"{path} cannot be read ({error}): `make down`, then remove it") from None

    def all(self) -> list[tuple[str, int]]:
        """Every name and its port."""
        return list(self._ports.items())

    def settle(
        self, running: bool, name: str, usable: Callable[[int], bool] = lambda port: True
    ) -> int:
        """The port of a server: the one it is `running` on, else a free one.

        A server's last port is tried first. `usable` may ask for more than that a port is free.
        """
        if running and name in self._ports:
            return self._ports[name]
        return self._choose(name, usable)

    def _choose(self, name: str, usable: Callable[[int], bool]) -> int:
        candidates = [self._ports[name]] if name in self._ports else []
        candidates += _some_ports()
        others = {port for other, port in self._ports.items() if other != name}
        for port in candidates:
            if port not in others and is_free(LOOPBACK, port) and usable(port):
                if self._ports.get(name) != port:
                    self._ports[name] = port
                    secret_files.write(self._path, json.dumps(self._ports, indent=1))
                return port
        raise StackError(f"no free port from {FIRST} to {LAST} on {LOOPBACK}")


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no outgoing connection will be given."""
    return next(port for port in _some_ports() if is_free(LOOPBACK, port))


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there. Raises OSError when the address is not this machine's
    or the port needs privileges."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Binding alone succeeds beside a listener on macOS.
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _some_ports() -> list[int]:
    return random.sample(range(FIRST, LAST), ATTEMPTS)  # nosec B311  # no secret
