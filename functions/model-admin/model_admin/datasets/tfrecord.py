"""TFRecords of tf.train.Example, written without TensorFlow, which takes 500 MB to import.

A record is the length of its data (uint64, little-endian), that length's checksum, the data, and
its checksum. Checksums are CRC-32C, rotated and offset so that one of a checksum is no checksum.
"""
from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from model_admin.datasets.service import Example

_OFFSET = 0xA282EAD8


def records(examples: Iterable[Example]) -> Iterator[bytes]:
    """Each as a record with the features image/encoded, image/format, image/class/text,
    image/sha256 and split."""
    for example in examples:
        picture = example.picture
        yield record(encoded({
            "image/encoded": example.data,
            "image/format": picture.content_type.removeprefix("image/").encode(),
            "image/class/text": picture.label.encode(),
            "image/sha256": picture.sha256.encode(),
            "split": example.part.encode(),
        }))


def record(data: bytes) -> bytes:
    """Data as a record."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _checksum(length), data, _checksum(data)))


def encoded(features: dict[str, bytes]) -> bytes:
    """A tf.train.Example in protobuf's encoding, each feature a bytes_list of one value."""
    entries = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, _field(1, _field(1, value))))
        for name, value in features.items())
    return _field(1, entries)


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _checksum(data: bytes) -> bytes:
    from google_crc32c import value

    crc: int = value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _OFFSET) & 0xFFFFFFFF)
