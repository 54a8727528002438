"""Forms in memory: what was sent is what is found, however it is cut and named."""
from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge

from common.errors import InvalidRequest
from predict.form_parser import InMemoryFormParser, Parsed

BOUNDARY = "cut"
DISPOSITION = b"Content-Disposition: form-data; name="


class Pieces(io.RawIOBase):
    """A body that comes in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = io.BytesIO(data), size

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._size)


def part(header: bytes, content: bytes) -> bytes:
    return b"--cut\r\n" + DISPOSITION + header + b"\r\n\r\n" + content + b"\r\n"


def parsed(body: bytes, size: int = 1 << 20, **limits: int) -> Parsed:
    parser = InMemoryFormParser(**limits)  # type: ignore[arg-type]
    return parser.parse(Pieces(body, size), "multipart/form-data", None, {"boundary": BOUNDARY})


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"--cut", b"--", b"cut", b"\0", b"x"]).filter(bool))
    .map(b"".join).filter(lambda content: b"\r\n--cut" not in b"\r\n" + content),
    st.integers(1, 80))
def test_files_arrive_as_they_were_sent(content: bytes, size: int) -> None:
    """A file's bytes are kept, also those that look like the end of it, however they arrive."""
    body = part(b'"user_id"', b"u") + part(b'"file"; filename="a"', content) + b"--cut--\r\n"
    _, fields, files = parsed(body, size)
    assert files["file"].read() == content
    assert fields.to_dict() == {"user_id": "u"}


@pytest.mark.parametrize("header, filename", [
    (b'"file"; filename="cup.png"', "cup.png"), (b'"file"; filename=""', ""),
    ('"file"; filename="tölt.png"'.encode(), "tölt.png"),
    (b"\"file\"; filename*=utf-8''t%C3%B6lt.png", "tölt.png"),
])
def test_file_names(header: bytes, filename: str) -> None:
    """A part with a file name, in any of the forms that clients use, is a file."""
    _, fields, files = parsed(part(header, b"x") + b"--cut--\r\n")
    assert files["file"].filename == filename
    assert not fields


@pytest.mark.parametrize("body", [
    b"", b"--cut", part(b'"file"; filename="a"', b"cut off"), b"--cut\r\n\r\nno name\r\n--cut--",
    b"--cut\r\n" + DISPOSITION + b"\xff\r\n\r\nx\r\n--cut--",
])
def test_malformed(body: bytes) -> None:
    """What is no complete form is refused."""
    with pytest.raises(InvalidRequest):
        parsed(body)


@pytest.mark.parametrize("limits", [{"max_form_parts": 1}, {"max_form_memory_size": 3}])
def test_limits(limits: dict[str, int]) -> None:
    """Neither too many parts are taken, nor fields that are too long; files may be long."""
    file = part(b'"file"; filename="a"', b"long enough")
    assert parsed(file + b"--cut--", **limits)[2]["file"].read() == b"long enough"
    with pytest.raises(RequestEntityTooLarge):
        parsed(file + part(b'"user_id"', b"long") + b"--cut--", **limits)
