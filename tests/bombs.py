"""Pictures that are quick to send and slow to decode, or large in memory, unless they are refused.

Each is as large as a body may be by default, where that makes it worse.
"""
from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from tests.pictures import (
    PNG_SIGNATURE, encode, grey16, jpeg, png, png_bomb, png_chunk, scene, webp)

BODY_BYTES = 10 << 20
SOS, EOI = b"\xff\xda", b"\xff\xd9"


def jpeg_of_scans(width: int = 6000, height: int = 6000, scans: int = 0) -> bytes:
    """A progressive JPEG whose last scan, of no news, is sent again until it has so many, or no
    more fit."""
    whole = encode(Image.new("RGB", (width, height)), "JPEG", progressive=True)
    last = whole[whole.rindex(SOS):-2]
    more = scans - whole.count(SOS) if scans else (BODY_BYTES - len(whole)) // len(last)
    return whole[:-2] + last * more + EOI


def jpeg_of_segments(
    marker: bytes = b"\xff\xfe", body: bytes = b"", count: int = BODY_BYTES,
) -> bytes:
    """A JPEG with so many segments in front, or as many as fit: comments, unless told."""
    segment, picture = marker + struct.pack(">H", len(body) + 2) + body, jpeg()
    most = (BODY_BYTES - len(picture)) // len(segment)
    return picture[:2] + segment * min(count, most) + picture[2:]


def jpeg_of_filling(filling: bytes) -> bytes:
    """A JPEG with megabytes of nothing between its first two segments."""
    picture, first = jpeg(), 20
    return picture[:first] + filling * (BODY_BYTES - len(picture)) + picture[first:]


def png_of_chunks(kind: bytes = b"tEXt", body: bytes = b"a\0") -> bytes:
    """A PNG with as many chunks in front of its pixels as fit."""
    chunk, picture = png_chunk(kind, body), png()
    head = len(PNG_SIGNATURE) + 25
    return picture[:head] + chunk * ((BODY_BYTES - len(picture)) // len(chunk)) + picture[head:]


def png_of_texts() -> bytes:
    """A PNG with compressed texts of a megabyte each, sixty of them."""
    text = b"a\0\0" + zlib.compress(bytes(1_000_000), 9)
    picture, head = png(), len(PNG_SIGNATURE) + 25
    return picture[:head] + png_chunk(b"zTXt", text) * 60 + picture[head:]


def png_of_split_pixels() -> bytes:
    """A PNG whose pixels come byte by byte, each in a chunk of its own."""
    picture = encode(scene(2000, 1400), "PNG")
    start = picture.index(b"IDAT") - 4
    size = int.from_bytes(picture[start:start + 4], "big")
    data = picture[start + 8:start + 8 + size][:BODY_BYTES // 13]
    return picture[:start] + b"".join(
        png_chunk(b"IDAT", data[at:at + 1]) for at in range(len(data))
    ) + png_chunk(b"IEND", b"")


def webp_header(width: int = 16383, height: int = 2441) -> bytes:
    """A lossless WebP of thirty bytes: the size, and one colour for all of its pixels."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes.fromhex("0788888808")
    return _riff(b"VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))


def webp_flat(width: int = 16383, height: int = 2441) -> bytes:
    """A complete lossless WebP of one colour."""
    return encode(Image.new("RGB", (width, height), (9, 9, 9)), "WEBP", lossless=True, method=0)


def webp_of_chunks() -> bytes:
    """A WebP with as many unknown chunks behind its pixels as fit."""
    picture = webp()
    vp8x = b"VP8X" + struct.pack("<II", 10, 0) + (639).to_bytes(3, "little") + (
        479).to_bytes(3, "little")
    return _riff(vp8x + picture[12:] + b"abcd\0\0\0\0" * ((BODY_BYTES - len(picture)) // 8))


def webp_canvas() -> bytes:
    """An animated WebP that claims 268 megapixels, with one small frame."""
    picture = webp(16, 16)
    vp8x = b"VP8X" + struct.pack("<II", 10, 2) + (16382).to_bytes(3, "little") * 2
    anim = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    frame = bytes(6) + (15).to_bytes(3, "little") * 2 + bytes(4) + picture[12:]
    return _riff(vp8x + anim + b"ANMF" + struct.pack("<I", len(frame)) + frame)


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


BOMBS: dict[str, Callable[[], bytes]] = {
    "JPEG, 36 megapixels, thousands of scans": jpeg_of_scans,
    "JPEG, 3 megapixels, thousands of scans": lambda: jpeg_of_scans(2000, 1500),
    "JPEG, millions of comments": jpeg_of_segments,
    "JPEG, EXIF in 160 pieces": lambda: jpeg_of_segments(
        b"\xff\xe1", b"Exif\0\0" + bytes(65_000)),
    "JPEG, megabytes of fill bytes": lambda: jpeg_of_filling(b"\xff"),
    "JPEG, megabytes of junk": lambda: jpeg_of_filling(b"\0"),
    "PNG, 40 megapixels of one bit": lambda: png_bomb(6300, 6300),
    "PNG, 40 megapixels of one colour": lambda: encode(
        Image.new("RGBA", (6300, 6300)), "PNG", compress_level=9),
    "PNG, hundreds of thousands of texts": png_of_chunks,
    "PNG, 60 MB of compressed texts": png_of_texts,
    "PNG, pixels byte by byte": png_of_split_pixels,
    "WebP, 40 megapixels in 30 bytes": webp_header,
    "WebP, 40 megapixels of one colour": webp_flat,
    "WebP, a million chunks": webp_of_chunks,
    "WebP, a canvas of 268 megapixels": webp_canvas,
}
# What is just small enough, and therefore decoded.
WITHIN_LIMITS: dict[str, Callable[[], bytes]] = {
    "JPEG, 3 megapixels, 33 scans": lambda: jpeg_of_scans(2000, 1500, 33),
    "JPEG, 8 EXIF segments of 64 kB": lambda: jpeg_of_segments(
        b"\xff\xe1", b"Exif\0\0" + bytes(65_000), 8),
    "PNG, 3 megapixels of one colour, transparent": lambda: encode(
        Image.new("RGBA", (2000, 1500)), "PNG"),
    "PNG, 3 megapixels of 16 bits": lambda: encode(grey16(2000, 1500), "PNG"),
    "WebP, 3 megapixels of one colour": lambda: webp_flat(2000, 1500),
}
