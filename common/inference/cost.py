"""What a picture would cost to read and decode, judged by its bytes before a decoder sees them.

Formats: JPEG (ITU T.81 B.1), PNG (W3C PNG §5), WebP (RFC 9649 §2.3). Damage is left to the decoder
to find; looked for here is what makes it slow.
"""
from __future__ import annotations

import re

from common.errors import PayloadTooLarge

# Far more than cameras, scanners and editors write: profiles, depth maps and previews come in
# pieces of 64 kB at most, and a progressive JPEG has ten scans.
MAX_SEGMENTS, MAX_FILLING_BYTES, MAX_SCANS = 1000, 4096, 64
MAX_EXIF_SEGMENTS = 8  # the standard knows one; Pillow copies all it has for each further one
MAX_CHUNKS, MIN_CHUNK_BYTES = 1000, 256
# A picture of so many pixels may be as empty as it likes; a larger one must bring a byte for so
# many of them. A photograph has one for 2 to 20, a drawing for 100.
SMALL_PIXELS, MAX_PIXELS_PER_BYTE = 3_000_000, 200
# Each scan passes over all pixels, whatever it changes.
MAX_SCANNED_PIXELS, MAX_SCANNED_PIXELS_PER_BYTE = 100_000_000, 1000

# The next marker of a JPEG: behind filling, and behind pixels, where FF 00 and RSTn may stand.
_MARKER = re.compile(rb"[^\xff]*(?:\xff+\x00[^\xff]*)*\xff+([^\x00\xff])", re.DOTALL)
_MARKER_BEHIND_PIXELS = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_SCAN, _APP1 = 0xDA, 0xE1
_PROGRESSIVE = frozenset([0xC2, 0xC6, 0xCA, 0xCE])
# RSTn, SOI, EOI, JPG and JPGn: Pillow reads no length behind them.
_ALONE = frozenset([0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)])
_PNG_SIGNATURE_BYTES, _PNG_FRAME_BYTES, _RIFF_HEADER_BYTES = 8, 12, 12


def check_parts(data: bytes, media_type: str) -> int:
    """Refuse a JPEG, PNG or WebP of too many parts; how often the decoder passes over its pixels.

    Raises PayloadTooLarge.
    """
    if media_type == "image/jpeg":
        return _check_segments(data)
    if media_type == "image/png":
        _check_chunks(data)
    else:
        _check_riff_chunks(data)
    return 1


def check_pixels(data: bytes, width: int, height: int, scans: int) -> None:
    """Refuse more pixels than so few bytes can mean anything by. Raises PayloadTooLarge."""
    pixels, size = width * height, f"{width} x {height} pixels in {len(data)} bytes"
    if pixels > max(SMALL_PIXELS, MAX_PIXELS_PER_BYTE * len(data)):
        raise PayloadTooLarge(
            f"The picture has {size}; above {SMALL_PIXELS} pixels there must be a byte for every "
            f"{MAX_PIXELS_PER_BYTE} of them.")
    if scans * pixels > max(MAX_SCANNED_PIXELS, MAX_SCANNED_PIXELS_PER_BYTE * len(data)):
        raise PayloadTooLarge(
            f"The JPEG has {size}, and goes over them {scans} times; save it with fewer scans.")


def _check_segments(data: bytes) -> int:
    at, progressive, exif = 2, False, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.match(data, at, at + MAX_FILLING_BYTES)
        if found is None:
            if len(data) - at < MAX_FILLING_BYTES:
                return 1  # damaged
            break
        marker, at = found[1][0], found.end()
        if marker == _SCAN:
            return _scans(data, at) if progressive else 1
        progressive = progressive or marker in _PROGRESSIVE
        exif += marker == _APP1 and data.startswith(b"Exif\0\0", at + 2)
        if exif > MAX_EXIF_SEGMENTS:
            break
        if marker not in _ALONE:
            at += _length(data, at)
    raise PayloadTooLarge("The JPEG has too much in front of its pixels; save it anew.")


def _scans(data: bytes, at: int) -> int:
    """How many scans a JPEG has whose first is at `at`."""
    scans = 1
    for _ in range(MAX_SEGMENTS):
        found = _MARKER_BEHIND_PIXELS.search(data, at)
        if found is None or found[1] == b"\xd9":
            return scans
        scans += found[1][0] == _SCAN
        if scans > MAX_SCANS:
            break
        at = found.end() + _length(data, found.end())
    raise PayloadTooLarge(f"The JPEG has more than {MAX_SCANS} scans; save it anew.")


def _length(data: bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 2], "big")


def _check_chunks(data: bytes) -> None:
    at, most = _PNG_SIGNATURE_BYTES, MAX_CHUNKS + len(data) // MIN_CHUNK_BYTES
    for _ in range(most):
        if at >= len(data) or data[at + 4:at + 8] == b"IEND":
            return
        at += int.from_bytes(data[at:at + 4], "big") + _PNG_FRAME_BYTES
    raise PayloadTooLarge(f"The PNG has more than {most} chunks; save it anew.")


def _check_riff_chunks(data: bytes) -> None:
    at = _RIFF_HEADER_BYTES
    for _ in range(MAX_CHUNKS):
        if at >= len(data):
            return
        size = int.from_bytes(data[at + 4:at + 8], "little")
        at += 8 + size + size % 2
    raise PayloadTooLarge(f"The WebP has more than {MAX_CHUNKS} chunks; save it anew.")
