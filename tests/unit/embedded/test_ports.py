"""Ports are chosen once and kept while nobody else takes them."""
from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.ports import FIRST, LAST, Ports, is_free


@contextmanager
def listening(port: int, host: str = "127.0.0.1") -> Iterator[int]:
    with socket.create_server((host, port)) as server:
        yield server.getsockname()[1]


def test_port_is_kept(tmp_path: Path) -> None:
    """A server gets the port it had, from another run as well."""
    path = tmp_path / "ports.json"
    port = Ports(path).settle(False, "postgres")
    assert FIRST <= port < LAST
    assert Ports(path).settle(False, "postgres") == port
    assert Ports(path).all() == [("postgres", port)]


def test_names_get_different_ports(tmp_path: Path) -> None:
    """No two servers get the same port, even before they listen."""
    ports = Ports(tmp_path / "ports.json")
    assert len({ports.settle(False, f"server-{number}") for number in range(50)}) == 50


def test_taken_port_is_given_up(tmp_path: Path) -> None:
    """A port that a stranger has taken is replaced, and the new one kept."""
    ports = Ports(tmp_path / "ports.json")
    first = ports.settle(False, "postgres")
    with listening(first):
        second = ports.settle(False, "postgres")
        assert second != first
    assert ports.settle(False, "postgres") == second


def test_running_server_keeps_its_port(tmp_path: Path) -> None:
    """The port our own server listens on is not taken for a stranger's."""
    ports = Ports(tmp_path / "ports.json")
    port = ports.settle(False, "postgres")
    with listening(port):
        assert ports.settle(True, "postgres") == port


def test_more_can_be_asked_of_a_port(tmp_path: Path) -> None:
    """A port that is free but not usable is passed over."""
    port = Ports(tmp_path / "ports.json").settle(False, "s3", lambda port: port % 2 == 0)
    assert port % 2 == 0


def test_unusable_ports_are_one_line(tmp_path: Path) -> None:
    """When no port will do, the search ends."""
    with pytest.raises(StackError, match=f"no free port from {FIRST} to {LAST}"):
        Ports(tmp_path / "ports.json").settle(False, "s3", lambda port: False)


def test_damaged_file_is_one_line(tmp_path: Path) -> None:
    """A file that is no JSON is named."""
    path = tmp_path / "ports.json"
    path.write_text("{")
    with pytest.raises(StackError, match="ports.json cannot be read"):
        Ports(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_listener_on_any_address_takes_the_port(host: str) -> None:
    """A port is taken by who listens on this address, or on all."""
    with listening(0, host) as port:
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_foreign_address_is_an_error() -> None:
    """An address of another machine cannot be listened on. (TEST-NET-1, RFC 5737)"""
    with pytest.raises(OSError):
        is_free("192.0.2.1", 12345)


def test_file_is_private(tmp_path: Path) -> None:
    """The file is readable by its owner alone."""
    path = tmp_path / "ports.json"
    Ports(path).settle(False, "postgres")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(path.read_text())) == ["postgres"]
