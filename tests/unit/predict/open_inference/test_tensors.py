"""Requests and answers of the Open Inference Protocol, as bytes."""
from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest

from common.errors import InvalidRequest, PayloadTooLarge
from predict.open_inference.tensors import InferRequest, read_request, write_answer

KNOWN = ("scores", "label")
TEXT = base64.b64encode(b"picture").decode()


def read(document: Any, binary: bytes = b"", most: int = 3) -> InferRequest:
    """What is read of a request."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_request(text + binary, len(text) if binary else None, KNOWN, most)


def request(tensor: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A request of one picture in JSON, with changes to its tensor and to itself."""
    image = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [TEXT], **(tensor or {})}
    return {"inputs": [{name: each for name, each in image.items() if each != "left out"}], **more}


def packed(*elements: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(each)) + each for each in elements)


def behind(size: int, count: int = 1) -> dict[str, Any]:
    """A tensor whose elements follow the JSON."""
    return {"shape": [count], "data": "left out", "parameters": {"binary_data_size": size}}


def test_json() -> None:
    """Pictures in base64 are decoded; by default every output comes in JSON."""
    assert read(request()) == InferRequest(None, [b"picture"], {"scores": False, "label": False})
    lines = base64.encodebytes(bytes(100)).decode()
    assert read(request({"data": [lines]})).pictures == [bytes(100)]


@pytest.mark.parametrize("shape, data", [
    ([2], [TEXT, TEXT]), ([2, 1], [TEXT, TEXT]), ([2, 1], [[TEXT], [TEXT]])])
def test_shapes(shape: list[int], data: list[Any]) -> None:
    """A tensor of one or two dimensions is taken, flat or nested."""
    assert read(request({"shape": shape, "data": data})).pictures == [b"picture"] * 2


def test_binary() -> None:
    """Elements behind the JSON follow their lengths; an empty one is an element as well."""
    binary = packed(b"\xff\xd8", b"", b"x" * 300)
    found = read(request(behind(len(binary), 3)), binary)
    assert found.pictures == [b"\xff\xd8", b"", b"x" * 300]


def test_nothing_but_null() -> None:
    """What KServe's client sends for what it does not know is taken as left out."""
    found = read(request({"parameters": None}, id=None, parameters=None, outputs=None))
    assert found.outputs == {"scores": False, "label": False}


@pytest.mark.parametrize("more, expected", [
    ({"parameters": {"binary_data_output": True}}, {"scores": True, "label": True}),
    ({"outputs": []}, {"scores": False, "label": False}),
    ({"outputs": [{"name": "label"}]}, {"label": False}),
    ({"outputs": [{"name": "label", "parameters": {"binary_data": True}}, {"name": "scores"}]},
     {"label": True, "scores": False}),
    ({"outputs": [{"name": "label", "parameters": {"binary_data": False}}, {"name": "scores"}],
      "parameters": {"binary_data_output": True}}, {"label": False, "scores": True}),
])
def test_outputs(more: dict[str, Any], expected: dict[str, bool]) -> None:
    """Outputs are those asked for, in that order, each in the form asked for."""
    found = read(request(id="mine", **more))
    assert [*found.outputs.items()] == [*expected.items()]
    assert found.request_id == "mine"


@pytest.mark.parametrize("document", [
    b"", b"{", b"[" * 100_000, b"\xff", [], "x", 1, {}, {"inputs": []}, {"inputs": {}},
    {"inputs": [1]}, {"inputs": [{}, {}]}, request(parameters=[]), request(id=7),
    request({"name": "x"}), request({"datatype": "FP32"}), request({"parameters": 1}),
    *(request({"shape": shape}) for shape in (
        None, 1, [], [0], [-1], [2], ["1"], [1.0], [True], [1, 2], [1, 1, 1], [1, True], {})),
    *(request({"data": data}) for data in (
        None, "left out", TEXT, [], [1], [None], ["?"], ["YQ"], [["YQ==", "YQ=="]], [{}], ["é"])),
    *(request({"parameters": {"binary_data_size": size}}) for size in (-1, 1, "0", 0.0, True)),
    request({"parameters": {"shared_memory_region": "x"}}),
    *(request(outputs=outputs) for outputs in (
        1, {}, [1], [{}], [{"name": "x"}], [{"name": []}], [{"name": "label", "parameters": 1}],
        [{"name": "label", "parameters": {"classification": 2}}],
        [{"name": "label", "parameters": {"shared_memory_region": "x"}}])),
], ids=lambda document: str(document)[:80])
def test_malformed(document: Any) -> None:
    """What is no request is refused with what it should be."""
    with pytest.raises(InvalidRequest):
        read(document)


@pytest.mark.parametrize("binary", [
    b"\0", b"\1\0\0", packed(b"x") + b"x", packed(b"xyz")[:-1], b"\xff\xff\xff\xff", b"\0" * 8])
def test_malformed_binary(binary: bytes) -> None:
    """A binary tensor that ends within an element, or has another number of them, is refused."""
    with pytest.raises(InvalidRequest):
        read(request(behind(len(binary))), binary)


@pytest.mark.parametrize("size", [0, 4, 6, None])
def test_length_of_the_binary(size: int | None) -> None:
    """Its size must be given, and be that of all that follows the JSON."""
    tensor = {**behind(0), "parameters": {} if size is None else {"binary_data_size": size}}
    with pytest.raises(InvalidRequest):
        read(request(tensor), packed(b"x"))


def test_header_longer_than_the_body() -> None:
    """JSON that ends with the body before its length does is refused."""
    with pytest.raises(InvalidRequest, match="Inference-Header-Content-Length"):
        read_request(b"{}", 3, KNOWN, 1)


def test_too_many() -> None:
    """More pictures than allowed are refused before any is looked at."""
    with pytest.raises(PayloadTooLarge, match="3"):
        read(request({"shape": [4]}))


def test_answer_in_json() -> None:
    """Numbers stand one after the other, row by row, and lose nothing."""
    scores = np.array([[0.1, 0.9], [0.5, 0.25]], np.float32)
    body, length = write_answer(
        {"model_name": "m"}, {"scores": scores, "label": ["a", "é"]},
        {"label": False, "scores": False})
    assert length is None
    answer = json.loads(body)
    assert [*answer] == ["model_name", "outputs"]
    label, written = answer["outputs"]
    assert label == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["a", "é"]}
    assert (written["datatype"], written["shape"]) == ("FP32", [2, 2])
    assert np.array_equal(np.array(written["data"], np.float32).reshape(2, 2), scores)


def test_answer_in_binary() -> None:
    """Binary tensors follow the JSON in its order; others stay in it."""
    scores = np.array([[0.1, 0.9], [0.5, 0.25]], np.float32)
    tensors = {"scores": scores, "label": ["a", "é"], "id": ["1", "2"]}
    body, length = write_answer({}, tensors, {"label": True, "id": False, "scores": True})
    outputs = json.loads(body[:length])["outputs"]
    assert [each.get("parameters") for each in outputs] == [
        {"binary_data_size": 11}, None, {"binary_data_size": 16}]
    assert ["data" in each for each in outputs] == [False, True, False]
    assert body[length:] == packed(b"a", "é".encode()) + scores.astype("<f4").tobytes()
