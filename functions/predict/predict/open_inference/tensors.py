"""Requests and answers of the Open Inference Protocol: JSON, with binary tensors behind it.

A BYTES tensor in JSON has texts, and pictures are no text: there they come in base64. In the
binary form each element follows its length, 4 bytes, the least significant first.
"""
from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from common.errors import InvalidRequest, PayloadTooLarge

INPUT = "image"
_LENGTH = struct.Struct("<I")

# FP32 of any shape, or BYTES of as many texts as there are pictures.
Tensor = Union[NDArray[np.float32], Sequence[str]]


@dataclass(frozen=True)
class InferRequest:
    """Encoded pictures, and by the names of the outputs wanted whether each comes in binary.

    `request_id` is the client's own name for the request, and comes back.
    """

    request_id: str | None
    pictures: list[bytes]
    outputs: dict[str, bool]


def read_request(
    body: bytes, header_length: int | None, known: Sequence[str], most: int
) -> InferRequest:
    """The request in a body, of which the first `header_length` bytes are JSON (None: all).

    `known` are the names of the outputs there are. Raises InvalidRequest, and PayloadTooLarge for
    more than `most` pictures.
    """
    if header_length is not None and header_length > len(body):
        raise InvalidRequest("The body is shorter than Inference-Header-Content-Length.")
    document = _object(_json(body[:header_length]), "the request")
    parameters = _object(document.get("parameters"), "parameters")
    binary = b"" if header_length is None else body[header_length:]
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise InvalidRequest("id must be a text.")
    return InferRequest(
        request_id, _pictures(document.get("inputs"), binary, most),
        _outputs(document.get("outputs"), parameters.get("binary_data_output") is True, known))


def write_answer(
    head: Mapping[str, Any], tensors: Mapping[str, Tensor], outputs: Mapping[str, bool]
) -> tuple[bytes, int | None]:
    """The body of an answer and how many bytes of it are JSON; None if it has nothing else.

    `head` comes before the `outputs`, which are those of `tensors` in the order asked for.
    """
    described, behind = [], []
    for name, is_binary in outputs.items():
        tensor = tensors[name]
        is_text = not isinstance(tensor, np.ndarray)
        entry: dict[str, Any] = {
            "name": name, "datatype": "BYTES" if is_text else "FP32",
            "shape": [len(tensor)] if is_text else [*np.shape(tensor)]}
        if is_binary:
            behind.append(_packed(tensor))
            entry["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            entry["data"] = [*tensor] if is_text else np.ravel(tensor).tolist()
        described.append(entry)
    text = json.dumps({**head, "outputs": described}).encode()
    return b"".join((text, *behind)), len(text) if behind else None


def _pictures(inputs: Any, binary: bytes, most: int) -> list[bytes]:
    if not isinstance(inputs, list) or len(inputs) != 1:
        raise InvalidRequest(f"Send one input, {INPUT}.")
    tensor = _object(inputs[0], "the input")
    if (tensor.get("name"), tensor.get("datatype")) != (INPUT, "BYTES"):
        raise InvalidRequest(f"The input must have the name {INPUT} and the datatype BYTES.")
    count = _count(tensor.get("shape"), most)
    parameters = _object(tensor.get("parameters"), "parameters")
    _refuse(parameters, "shared_memory_region")
    size = parameters.get("binary_data_size")
    if size is None and not binary:
        pictures = _from_texts(tensor.get("data"))
    elif type(size) is int and size == len(binary):
        pictures = _unpacked(binary)
    else:
        raise InvalidRequest("binary_data_size is not the length of what follows the JSON.")
    if len(pictures) != count:
        raise InvalidRequest(f"The shape says {count} pictures; there are {len(pictures)}.")
    return pictures


def _count(shape: Any, most: int) -> int:
    if not isinstance(shape, list) or len(shape) not in (1, 2) or shape[1:] not in ([], [1]) \
            or any(type(each) is not int for each in shape) or shape[0] < 1:
        raise InvalidRequest("The input's shape must be [N] or [N, 1], for N pictures.")
    if shape[0] > most:
        raise PayloadTooLarge(f"A request may have at most {most} pictures.")
    count: int = shape[0]
    return count


def _from_texts(data: Any) -> list[bytes]:
    """Pictures in base64, in a list, or each in a list of its own."""
    if not isinstance(data, list):
        raise InvalidRequest("The input has no data.")
    texts = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in data]
    try:
        return [base64.b64decode("".join(each.split()), validate=True) for each in texts]
    except (AttributeError, ValueError):
        raise InvalidRequest("In JSON, pictures must be texts in base64.") from None


def _unpacked(binary: bytes) -> list[bytes]:
    elements, at = [], 0
    while at < len(binary):
        try:
            (length,) = _LENGTH.unpack_from(binary, at)
        except struct.error:
            length = len(binary)  # more than can be there
        at += _LENGTH.size
        if length > len(binary) - at:
            raise InvalidRequest("The binary tensor ends within an element.")
        elements.append(binary[at:at + length])
        at += length
    return elements


def _packed(tensor: Tensor) -> bytes:
    if isinstance(tensor, np.ndarray):
        return tensor.astype("<f4").tobytes()
    elements = [each.encode() for each in tensor]
    return b"".join(part for each in elements for part in (_LENGTH.pack(len(each)), each))


def _outputs(sent: Any, is_binary: bool, known: Sequence[str]) -> dict[str, bool]:
    if sent is None or sent == []:
        return dict.fromkeys(known, is_binary)
    if not isinstance(sent, list):
        raise InvalidRequest("outputs must be a list.")
    outputs = {}
    for each in sent:
        output = _object(each, "an output")
        if output.get("name") not in [*known]:
            raise InvalidRequest(f"The outputs are {', '.join(known)}.")
        parameters = _object(output.get("parameters"), "parameters")
        _refuse(parameters, "shared_memory_region")
        _refuse(parameters, "classification")
        outputs[output["name"]] = parameters.get("binary_data", is_binary) is True
    return outputs


def _refuse(parameters: Mapping[str, Any], name: str) -> None:
    """What would change the answer cannot be passed over in silence, as other parameters are."""
    if name in parameters:
        raise InvalidRequest(f"The parameter {name} is not supported.")


def _object(sent: Any, what: str) -> dict[str, Any]:
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        raise InvalidRequest(f"In JSON, {what} must be an object.")
    return sent


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("The request must begin with JSON.") from None
