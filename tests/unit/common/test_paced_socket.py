"""Connections of slow clients, on a real pair of sockets."""
from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from common import paced_socket
from common.paced_socket import PacedSocket, WaitingRoom

LONG = 20.0


@pytest.fixture
def pair() -> Iterator[tuple[PacedSocket, socket.socket]]:
    """A connection, and the client's end of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield PacedSocket(ours, WaitingRoom(8), WaitingRoom(8)), theirs


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience that a test can wait for."""
    monkeypatch.setattr(paced_socket, "PATIENCE_SECONDS", 0.2)


def test_bytes(pair: tuple[PacedSocket, socket.socket]) -> None:
    """What one side sends the other gets, to the end."""
    paced, client = pair
    client.sendall(b"to you")
    assert paced.recv(100) == b"to you"
    paced.sendall(b"to me")
    assert client.recv(100) == b"to me"
    client.shutdown(socket.SHUT_WR)
    assert paced.recv(100) == b""


@pytest.mark.usefixtures("hurried")
def test_silence(pair: tuple[PacedSocket, socket.socket]) -> None:
    """A client that sends nothing is given up, in the way gunicorn says nothing about."""
    paced, _ = pair
    paced.expect_head()
    with pytest.raises(TimeoutError) as caught:
        paced.recv(100)
    assert caught.value.errno == errno.ECONNRESET


def dribble(client: socket.socket, size: int, pause: float, ended: threading.Event) -> None:
    while not ended.wait(pause):
        client.sendall(bytes(size))


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("what", ["head", "body"])
def test_byte_by_byte(pair: tuple[PacedSocket, socket.socket], what: str) -> None:
    """A byte now and then does not prolong the wait."""
    paced, client = pair
    paced.expect_head() if what == "head" else paced.expect_body()
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(dribble, client, 1, 0.02, ended)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            while time.monotonic() - began < LONG:
                paced.recv(100)
        ended.set()
        sending.result()


def test_slow_but_steady(
    pair: tuple[PacedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A body that keeps coming may take far longer than one may keep us waiting at a stretch."""
    monkeypatch.setattr(paced_socket, "PATIENCE_SECONDS", 0.5)
    paced, client = pair
    paced.expect_body()
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(dribble, client, 8192, 0.02, ended)
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            assert paced.recv(1 << 20)
        ended.set()
        sending.result()


@pytest.mark.usefixtures("hurried")
def test_client_that_reads_nothing(pair: tuple[PacedSocket, socket.socket]) -> None:
    """An answer nobody takes is given up."""
    paced, _ = pair
    paced.expect_body()
    with pytest.raises(TimeoutError):
        paced.sendall(bytes(10_000_000))


def test_answer_in_pieces(pair: tuple[PacedSocket, socket.socket]) -> None:
    """An answer larger than what the system takes at once arrives whole."""
    paced, client = pair
    paced.expect_body()
    data = bytes(range(256)) * 10_000
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(paced.sendall, data)
        received = bytearray()
        while len(received) < len(data):
            received += client.recv(1 << 16)
        sending.result()
    assert received == data


def test_stepping_aside(pair: tuple[PacedSocket, socket.socket]) -> None:
    """Only who has to wait steps aside, and steps back before going on."""
    paced, client = pair
    steps: list[str] = []
    aside = threading.Event()
    paced.expect_body(
        lambda: (steps.append("aside"), aside.set())[0],  # type: ignore[func-returns-value]
        lambda: steps.append("back"))
    client.sendall(b"here")
    assert paced.recv(100) == b"here"
    assert steps == []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(paced.recv, 100)
        assert aside.wait(LONG)
        client.sendall(b"later")
        assert waiting.result(LONG) == b"later"
    assert steps == ["aside", "back"]


@pytest.mark.usefixtures("hurried")
def test_stepping_back_after_giving_up(pair: tuple[PacedSocket, socket.socket]) -> None:
    """Who gives a client up has stepped back: the answer that says so is work, too."""
    paced, _ = pair
    steps: list[str] = []
    paced.expect_body(lambda: steps.append("aside"), lambda: steps.append("back"))
    with pytest.raises(TimeoutError):
        paced.recv(100)
    assert steps == ["aside", "back"]


def test_full_room() -> None:
    """Who comes when the room is full sends the one away whose request began first."""
    room = WaitingRoom(2)
    pairs = [socket.socketpair() for _ in range(3)]
    paced = [PacedSocket(ours, room, room) for ours, _ in pairs]
    with ThreadPoolExecutor(3) as pool:
        waiting = []
        for number, each in enumerate(paced):
            waiting.append(pool.submit(each.recv, 100))
            deadline = time.monotonic() + LONG
            while each not in room._inside:
                assert time.monotonic() < deadline
        with pytest.raises(TimeoutError):
            waiting[0].result(LONG)
        for number in (1, 2):
            pairs[number][1].sendall(b"at last")
            assert waiting[number].result(LONG) == b"at last"
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_lingering(pair: tuple[PacedSocket, socket.socket]) -> None:
    """At the end the client is told that nothing more comes, and may finish what it sends."""
    paced, client = pair
    client.sendall(b"x" * 1000)
    client.shutdown(socket.SHUT_WR)
    paced.linger()
    assert client.recv(100) == b""
    assert paced.recv(100) == b""


def test_lingering_has_an_end(
    pair: tuple[PacedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that never hangs up is hung up on, and nobody waits for it again."""
    monkeypatch.setattr(paced_socket, "LINGER_SECONDS", 0.1)
    paced, client = pair
    paced.linger()
    assert paced.recv(100) == b""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        other = PacedSocket(paced._sock, WaitingRoom(1), WaitingRoom(1))
        sending = pool.submit(dribble, client, 1000, 0.001, ended)
        began = time.monotonic()
        other.linger()
        assert time.monotonic() - began < LONG
        ended.set()
        sending.result()
