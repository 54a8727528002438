"""Pictures of every kind, made with Pillow: what cameras, phones, browsers and attackers send."""
from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # the EXIF tag
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def scene(width: int = 640, height: int = 480) -> Image.Image:
    """An asymmetric RGB picture: soft gradients, a bright disc, a dark bar."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    pixels = np.stack([255 * x, 255 * y, 255 * (1 - x) * y], axis=-1)
    pixels[(x - 0.4) ** 2 + (y - 0.35) ** 2 < 0.02] = (250, 240, 20)
    pixels[(abs(x - 0.65) < 0.05) & (y > 0.4)] = (10, 20, 60)
    return Image.fromarray(pixels.astype(np.uint8))


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of a file of Pillow's `format`."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def jpeg(width: int = 640, height: int = 480) -> bytes:
    """What a camera sends."""
    return encode(scene(width, height), "JPEG", quality=92)


def png(width: int = 640, height: int = 480) -> bytes:
    """A lossless picture."""
    return encode(scene(width, height), "PNG")


def webp(width: int = 640, height: int = 480) -> bytes:
    """What a browser sends."""
    return encode(scene(width, height), "WEBP", quality=92)


def grey16(width: int = 640, height: int = 480) -> Image.Image:
    """The scene in 16-bit grey, as scanners and microscopes write it."""
    return Image.fromarray(np.asarray(scene(width, height).convert("L")).astype(np.uint16) * 257)


def transparent(mode: str, alpha: int) -> Image.Image:
    """The scene in RGBA or LA; its left half has this alpha, its right half is opaque."""
    image = scene().convert(mode)
    mask = Image.new("L", image.size, 255)
    mask.paste(alpha, (0, 0, image.width // 2, image.height))
    image.putalpha(mask)
    return image


def rotated(orientation: int, format: str = "JPEG", **options: Any) -> bytes:
    """The scene stored as a camera held another way stores it: EXIF tells how to turn it back."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = scene()
    if orientation in inverse:
        image = image.transpose(inverse[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, format, exif=exif, **options)


def with_exif(picture: bytes, exif: bytes) -> bytes:
    """A JPEG with a raw EXIF block behind its first marker."""
    segment = b"Exif\0\0" + exif
    return picture[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + picture[2:]


def exif_block(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A little-endian TIFF directory of (tag, type, count, 4 bytes), as EXIF stores it."""
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHI4s", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0)


def mpo() -> bytes:
    """A phone's JPEG with a second picture behind the first."""
    return encode(scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (640, 480))])


def animated(format: str) -> bytes:
    """Three frames as an animated WEBP, PNG or GIF."""
    frames = [scene(64, 48).rotate(angle) for angle in (0, 90, 180)]
    return encode(frames[0], format, save_all=True, append_images=frames[1:], duration=100)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no pixels: small to send, huge to decode."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (PNG_SIGNATURE + png_chunk(b"IHDR", header)
            + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b""))


def png_bomb(width: int, height: int) -> bytes:
    """A complete black 1-bit PNG: every pixel is there, compressed a thousandfold."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = bytes((width + 7) // 8 + 1) * height
    return (PNG_SIGNATURE + png_chunk(b"IHDR", header)
            + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b""))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG, with its checksum."""
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
