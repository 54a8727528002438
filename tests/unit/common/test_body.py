"""The bounded body stream, and what an application built on it makes of bodies."""
from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.body import BoundedBody
from common.errors import InvalidRequest, PayloadTooLarge
from tests import tokens
from tests.probe import BODY_LIMIT, create_probe


class Trickle(io.RawIOBase):
    """A stream that gives at most `step` bytes at a time, as sockets do, and counts them."""

    def __init__(self, data: bytes, step: int) -> None:
        self.data, self.step, self.given = data, step, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self.step if size < 0 else min(self.step, size)
        piece = self.data[self.given:self.given + wanted]
        self.given += len(piece)
        return piece


@pytest.fixture
def client() -> FlaskClient:
    return create_probe().test_client()


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_within_the_limit(size: int, step: int) -> None:
    """Up to and with the limit every byte arrives, in whatever pieces it comes."""
    data = bytes(range(size))
    assert BoundedBody(Trickle(data, step), 100).read() == data


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("size", [101, 150, 10_000])
def test_over_the_limit(size: int, step: int) -> None:
    """One byte more and nothing is handed out as if it were the whole."""
    with pytest.raises(PayloadTooLarge, match="at most 100 bytes"):
        BoundedBody(Trickle(bytes(size), step), 100).read()


def test_over_the_limit_in_pieces() -> None:
    """A reader that takes pieces is stopped as well, before it has got more than the limit."""
    body, received = BoundedBody(Trickle(bytes(500), 30), 100), 0
    with pytest.raises(PayloadTooLarge):
        while piece := body.read(40):
            received += len(piece)
    assert received <= 100


def test_stays_over_the_limit() -> None:
    """A reader that goes on after the error gets the error again, never an end of the body."""
    body = BoundedBody(Trickle(bytes(1000), 50), 100)
    for _ in range(3):
        with pytest.raises(PayloadTooLarge):
            body.read()


def test_ends_early() -> None:
    """A body that is shorter than it was declared is never handed out as if it were whole."""
    with pytest.raises(InvalidRequest):
        BoundedBody(Trickle(bytes(10), 3), 100, length=11).read()
    assert BoundedBody(Trickle(bytes(10), 3), 100, length=10).read() == bytes(10)


def test_broken_stream() -> None:
    """Whatever a server raises for malformed chunks is the client's fault, not ours."""
    class Malformed(Trickle):
        def read(self, size: int = -1) -> bytes:
            raise ValueError("invalid chunk size: b'hunter2'")

    with pytest.raises(InvalidRequest) as caught:
        BoundedBody(Malformed(b"", 1), 100).read()
    assert "hunter2" not in str(caught.value)


def test_reads_on_a_little() -> None:
    """Of an endless body about twice the limit is read: no more memory, no more time."""
    stream = Trickle(bytes(10_000), 50)
    with pytest.raises(PayloadTooLarge):
        BoundedBody(stream, 100).read()
    assert stream.given <= 201


def post(
    client: FlaskClient, path: str, stream: Trickle, length: int | None = None, **headers: str,
) -> Any:
    """Send a body as a server hands it over: chunked if `length` is None, else as it claims."""
    environ = {"wsgi.input": stream, "wsgi.input_terminated": True, **(
        {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None
        else {"CONTENT_LENGTH": str(length)})}
    return client.post(path, headers={**tokens.bearer("user"), **headers},
                       environ_overrides=environ)


@pytest.mark.parametrize("path", ["/body", "/pieces"])
@pytest.mark.parametrize(("size", "status"), [
    (0, 200), (1, 200), (BODY_LIMIT, 200), (BODY_LIMIT + 1, 413), (3 * BODY_LIMIT, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_an_application(
    client: FlaskClient, path: str, size: int, status: int, chunked: bool,
) -> None:
    """With or without a Content-Length a body arrives whole or is refused as too large."""
    answer = post(client, path, Trickle(bytes(size), 9000), None if chunked else size)
    assert answer.status_code == status
    if status == 200:
        assert answer.json["size"] == size
    else:
        assert answer.json["type"] == "urn:imgclass:problem:payload-too-large"
        assert str(BODY_LIMIT) in answer.json["detail"]


def test_declared_length_is_refused_before_the_route(client: FlaskClient) -> None:
    """A body that says it is too large is refused even by a route that never reads it."""
    answer = post(client, "/unread", Trickle(bytes(BODY_LIMIT + 1), 9000), BODY_LIMIT + 1)
    assert answer.status_code == 413


def test_shorter_than_declared(client: FlaskClient) -> None:
    """A body that ends early is a bad request, not a smaller picture."""
    answer = post(client, "/body", Trickle(bytes(10), 10), 1000)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(("encoding", "status"), [
    ("gzip", 415), ("GZIP", 415), ("deflate", 415), ("br", 415), ("identity, gzip", 415),
    ("identity", 200), ("Identity", 200)])
def test_content_encoding(client: FlaskClient, encoding: str, status: int) -> None:
    """Compressed bodies are refused: what they unpack to has no limit."""
    answer = post(client, "/body", Trickle(bytes(10), 10), 10, **{"Content-Encoding": encoding})
    assert answer.status_code == status


def test_large_form_field() -> None:
    """A form field is held in memory, so it may be far smaller than the body; still a problem."""
    app = create_probe(body_limit=5_000_000)
    answer = app.test_client().post(
        "/form", data={"user_id": "x" * 505_000}, content_type="multipart/form-data",
        headers=tokens.bearer("user"))
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_unauthenticated_bodies_are_not_read(client: FlaskClient) -> None:
    """Without a token nothing of a body is read, however large it says it is."""
    stream = Trickle(bytes(10), 10)
    answer = post(client, "/body", stream, 10, Authorization="")
    assert answer.status_code == 401
    assert stream.given == 0
