"""Bodies read straight from their connections, with gunicorn's own parts around them."""
from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]

from common.direct_body import DirectBody


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, the client's first."""
    client, server = socket.socketpair()
    with client, server:
        server.settimeout(0.05)
        yield client, server


def body_of(server: socket.socket, length: int, held: bytes = b"") -> Body:
    """A body of `length` bytes, of which `held` came with the head."""
    unreader = SocketUnreader(server)
    unreader.unread(held)
    return Body(LengthReader(unreader, length))


def test_as_it_comes(ends: tuple[socket.socket, socket.socket]) -> None:
    """What has come is handed on at once, and nothing that lies behind the body."""
    client, server = ends
    direct = DirectBody(body_of(server, 8, held=b"ab"))
    client.sendall(b"cdefghGET / HTTP/1.1")
    assert [direct.read(100), direct.read(3), direct.read(100), direct.read(100)] == [
        b"ab", b"cde", b"fgh", b""]
    assert server.recv(100) == b"GET / HTTP/1.1"


def test_two_requests_with_one_head(ends: tuple[socket.socket, socket.socket]) -> None:
    """A request that came together with this body stays for gunicorn to read."""
    _, server = ends
    body = body_of(server, 2, held=b"abGET / HTTP/1.1")
    direct = DirectBody(body)
    assert (direct.read(1), direct.read(100), direct.read(100)) == (b"a", b"b", b"")
    assert body.reader.unreader.read() == b"GET / HTTP/1.1"


def test_rest(ends: tuple[socket.socket, socket.socket]) -> None:
    """gunicorn reads what nobody has read."""
    client, server = ends
    body = body_of(server, 6, held=b"ab")
    client.sendall(b"cdef")
    assert DirectBody(body).read(1) == b"a"
    assert body.read() == b"bcdef"
    assert not body.failed


@pytest.mark.parametrize("gone", [True, False])
def test_body_that_ends_early(ends: tuple[socket.socket, socket.socket], gone: bool) -> None:
    """After a client that goes away, or stops, the connection is of no use."""
    client, server = ends
    body = body_of(server, 4)
    client.sendall(b"ab")
    direct = DirectBody(body)
    assert direct.read(100) == b"ab"
    if gone:
        client.shutdown(socket.SHUT_WR)
        assert direct.read(100) == b""
    else:
        with pytest.raises(TimeoutError):
            direct.read(100)
    assert body.failed


def test_bodies_it_is_for(ends: tuple[socket.socket, socket.socket]) -> None:
    """A body in chunks is left to gunicorn."""
    _, server = ends
    chunked = Body(ChunkedReader(None, SocketUnreader(server)))
    assert not DirectBody.fits(chunked)
    assert DirectBody.fits(body_of(server, 0))
