"""Requests to servers on loopback that are as they should be, and to others that are not."""
from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imgclass.embedded.ports import free_port
from predict.outbox.addresses import AddressGuard
from predict.outbox.sending import MAX_ANSWER_BYTES, Resolve, Sender, SendError
from tests.receivers import (
    Answer, ReceivingServer, hang_up, reply, silence, status, trickle)
from tests.unit.predict.outbox.certificates import Authority

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
HEADERS = {"content-type": "text/plain"}
# Shorter than anything in these tests waits, longer than a busy machine stumbles.
SHORT = 0.5


@pytest.fixture
def server() -> Iterator[ReceivingServer]:
    with ReceivingServer() as running:
        yield running


def send(url: str, sender: Sender | None = None) -> int:
    """One request."""
    with closing((sender or Sender(LOOPBACK)).open(url)) as channel:
        return channel.post(b"hello", HEADERS)


def refused(url: str, sender: Sender | None = None) -> tuple[str, str]:
    """One request that fails: the word and the sentence for it."""
    with pytest.raises(SendError) as caught:
        send(url, sender)
    return caught.value.outcome, str(caught.value)


def resolving_to(*answers: str) -> tuple[Resolve, list[str]]:
    """A resolver that gives one answer after the other, and the names it was asked for."""
    asked: list[str] = []
    left = list(answers)

    def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return socket.getaddrinfo(
            left.pop(0), port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    return resolve, asked


def test_request(server: ReceivingServer) -> None:
    """The body and the headers arrive as they are, at the path and the query of the URL."""
    assert send(f"{server.url}?a=1&b=%20#part") == 204
    (request,) = server.received
    assert request.line == "POST /hook?a=1&b=%20 HTTP/1.1"
    assert request.body == b"hello"
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("number", [200, 400, 404, 500, 503])
def test_status(server: ReceivingServer, number: int) -> None:
    """Whatever the server answers is told."""
    server.answer = status(number)
    assert send(server.url) == number


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
def test_redirect(server: ReceivingServer, number: int) -> None:
    """Nobody is sent elsewhere."""
    with ReceivingServer() as elsewhere:
        server.answer = status(number, f"Location: {elsewhere.url}")
        assert send(server.url) == number
        assert elsewhere.connections == 0
    assert len(server.received) == 1


def test_connection_is_kept(server: ReceivingServer) -> None:
    """Requests of one channel share a connection."""
    with closing(Sender(LOOPBACK).open(server.url)) as channel:
        assert [channel.post(b"", HEADERS) for _ in range(3)] == [204, 204, 204]
    assert (len(server.received), server.connections) == (3, 1)


@pytest.mark.parametrize("answer", [
    reply("HTTP/1.1 204 x\nConnection: close\n\n"), reply("HTTP/1.0 204 x\n\n"),
    reply(f"HTTP/1.1 200 x\nContent-Length: 5000\n\n{'x' * 5000}")])
def test_connection_is_not_kept(server: ReceivingServer, answer: Answer) -> None:
    """A connection that the server gives up, or on which it says too much, is replaced."""
    server.answer = answer
    with closing(Sender(LOOPBACK).open(server.url)) as channel:
        assert channel.post(b"", HEADERS) in (200, 204)
        server.answer = status(201)
        assert channel.post(b"", HEADERS) == 201
    assert server.connections == 2


def test_kept_connection_was_closed(server: ReceivingServer) -> None:
    """A request on a connection that the server has closed meanwhile is sent again."""
    def answer_and_leave(client: socket.socket) -> None:
        status(204)(client)
        hang_up(client)

    server.answer = answer_and_leave
    with closing(Sender(LOOPBACK).open(server.url)) as channel:
        assert [channel.post(b"", HEADERS) for _ in range(3)] == [204, 204, 204]
    assert server.connections == 3


@pytest.mark.parametrize("head", [
    "Content-Length: 1000000000", "Transfer-Encoding: chunked", "Connection: close"])
def test_huge_answer(server: ReceivingServer, head: str) -> None:
    """Of an answer no more is read than a little; its status counts."""
    sent = 0

    def flood(client: socket.socket) -> None:
        nonlocal sent
        reply(f"HTTP/1.1 200 x\n{head}\n\n")(client)
        chunk = b"%x\r\n%s\r\n" % (1 << 16, b"x" * (1 << 16))
        try:
            while sent < 1 << 30:
                client.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass

    server.answer = flood
    assert send(server.url) == 200
    server.stop()
    assert MAX_ANSWER_BYTES < sent < 1 << 27


@pytest.mark.parametrize("answer", [
    silence, trickle(b""), trickle(b"HTTP/1.1 200 x\r\nX-Header: "),
    trickle(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 ")])
def test_slow_answer(server: ReceivingServer, answer: Answer) -> None:
    """A server that says nothing, or never comes to an end, is given up in time."""
    server.answer = answer
    started = time.monotonic()
    assert refused(server.url, Sender(LOOPBACK, SHORT)) == (
        "silent", "It did not answer within 0.5 s.")
    assert time.monotonic() - started < 10


def test_slow_body(server: ReceivingServer) -> None:
    """A status is an answer, though its body never ends."""
    server.answer = trickle(b"HTTP/1.1 200 x\r\nContent-Length: 4000\r\n\r\n")
    assert send(server.url, Sender(LOOPBACK, 4 * SHORT)) == 200


@pytest.mark.parametrize(("answer", "reason"), [
    (hang_up, "It gave no answer: it hung up."),
    (reply("SSH-2.0-OpenSSH_9\n\n"), "It does not speak HTTP."),
    (reply("HTTP/1.1 200 x\n" + "X-Many: x\n" * 200 + "\n"), "It does not speak HTTP."),
    (reply("HTTP/1.1 200 x\nX-Long: " + "x" * 100_000 + "\n\n"), "It does not speak HTTP."),
])
def test_no_answer(server: ReceivingServer, answer: Answer, reason: str) -> None:
    """What is no answer is told in our words, not in those of the server."""
    server.answer = answer
    assert refused(server.url) == ("unreachable", reason)


def test_nobody_listens() -> None:
    """A closed port is told."""
    assert refused(f"http://127.0.0.1:{free_port()}/") == (
        "unreachable", "It cannot be connected to: connection refused.")


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'x' * 64}.example", "a..b"])
def test_unknown_name(host: str) -> None:
    """A name without an address, or that is none, is told."""
    assert refused(f"http://{host}/") == ("unreachable", "Its name cannot be resolved.")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"])
def test_private_address(server: ReceivingServer, host: str) -> None:
    """No name and no spelling leads to a private address, and no connection is tried."""
    assert refused(f"http://{host}:{server.port}/", Sender(AddressGuard([]))) == (
        "refused", "It has no address that is public or allowed (WEBHOOK_NETWORKS).")
    assert server.connections == 0


def test_allowed_address(server: ReceivingServer) -> None:
    """A private network that the operator allows can be reached by name."""
    sender = Sender(AddressGuard([ipaddress.ip_network("127.0.0.0/8")]))
    assert send(f"http://localhost:{server.port}/", sender) == 204


def test_without_a_guard(server: ReceivingServer) -> None:
    """A receiver that the operator has named may be anywhere."""
    assert send(f"http://localhost:{server.port}/", Sender(None)) == 204


def test_rebinding(server: ReceivingServer) -> None:
    """A name is resolved once for each connection, and what was checked is connected to."""
    with ReceivingServer(host="127.0.0.2") as secret:
        resolve, asked = resolving_to("127.0.0.1", "127.0.0.2")
        sender = Sender(LOOPBACK, resolve=resolve)
        url = f"http://rebinding.example:{server.port}/"
        assert send(url, sender) == 204
        assert asked == ["rebinding.example"]
        assert refused(f"http://rebinding.example:{secret.port}/", sender)[0] == "refused"
        assert secret.connections == 0
    assert server.received[0].headers["host"] == f"rebinding.example:{server.port}"


def test_rebinding_when_a_connection_is_replaced(server: ReceivingServer) -> None:
    """A new connection of the same channel is checked anew."""
    resolve, asked = resolving_to("127.0.0.1", "127.0.0.2")
    server.answer = reply("HTTP/1.1 204 x\nConnection: close\n\n")
    with closing(Sender(LOOPBACK, resolve=resolve).open(server.url)) as channel:
        assert channel.post(b"", HEADERS) == 204
        with pytest.raises(SendError, match="no address that is public"):
            channel.post(b"", HEADERS)
    assert len(asked) == 2


def test_one_of_several_addresses(server: ReceivingServer) -> None:
    """Of several addresses those that are not admitted are passed over."""
    def resolve(_host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port))
                for address in ("127.0.0.2", "10.0.0.1", "127.0.0.1")]

    assert send(server.url, Sender(LOOPBACK, resolve=resolve)) == 204


def test_no_proxy(server: ReceivingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not asked: they would connect to anything."""
    with ReceivingServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert send(server.url) == 204
        assert proxy.connections == 0


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure_server(authority: Authority, tmp_path: Path) -> Iterator[ReceivingServer]:
    with ReceivingServer(tls=authority.server_context("hook.example", tmp_path)) as running:
        yield running


def trusting(authority: Authority, seconds: float = 15.0) -> Sender:
    """Trusts the authority of the tests; every name is this machine."""
    resolve, _ = resolving_to(*["127.0.0.1"] * 9)
    return Sender(LOOPBACK, seconds, resolve, authority.trusting_context)


def test_https(authority: Authority, secure_server: ReceivingServer) -> None:
    """Over TLS, to the host that the certificate names, on one connection."""
    url = f"https://hook.example:{secure_server.port}/"
    with closing(trusting(authority).open(url)) as channel:
        assert [channel.post(b"hello", HEADERS) for _ in range(2)] == [204, 204]
    assert [request.body for request in secure_server.received] == [b"hello"] * 2
    assert secure_server.connections == 1


def test_certificate_of_another(authority: Authority, secure_server: ReceivingServer) -> None:
    """A certificate of another name is refused before anything is told."""
    outcome, reason = refused(f"https://other.example:{secure_server.port}/", trusting(authority))
    assert outcome == "unreachable"
    assert reason.startswith("Its certificate is not valid: Hostname mismatch")
    assert secure_server.received == []


def test_untrusted_certificate(secure_server: ReceivingServer) -> None:
    """A certificate of an authority that the system does not know is refused."""
    resolve, _ = resolving_to("127.0.0.1")
    outcome, reason = refused(
        f"https://hook.example:{secure_server.port}/", Sender(LOOPBACK, resolve=resolve))
    assert (outcome, reason[:29]) == ("unreachable", "Its certificate is not valid:")
    assert secure_server.received == []


def test_no_tls(authority: Authority) -> None:
    """A server that speaks no TLS, or says nothing, is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://hook.example:{listener.getsockname()[1]}/"
        assert refused(url, trusting(authority, SHORT)) == (
            "silent", "It did not answer within 0.5 s.")


def test_default_port_of_https(authority: Authority) -> None:
    """The port of https goes without saying."""
    asked: list[int] = []

    def resolve(_host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(port)
        return []

    for url in ("https://hook.example/", "http://hook.example/"):
        assert refused(url, Sender(LOOPBACK, resolve=resolve))[0] == "refused"
    assert asked == [443, 80]
