"""What would cost much more than its bytes are worth is refused before it is decoded."""
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageFile

from common.errors import BrokenPicture, PayloadTooLarge
from common.inference.cost import check_parts, check_pixels
from common.inference.imaging import open_picture, preprocess
from tests.bombs import BOMBS, EOI, WITHIN_LIMITS, jpeg_of_scans, jpeg_of_segments
from tests.manifests import manifest
from tests.pictures import encode, jpeg, png, png_chunk, rotated, scene, webp

MAX_PIXELS = 40_000_000


@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb(bomb: str) -> None:
    """Every one of them is refused by its header."""
    with pytest.raises((PayloadTooLarge, BrokenPicture)):
        open_picture(BOMBS[bomb](), MAX_PIXELS)


@pytest.mark.parametrize("kind", WITHIN_LIMITS)
def test_within_limits(kind: str) -> None:
    """What is just cheap enough is decoded."""
    assert preprocess(open_picture(WITHIN_LIMITS[kind](), MAX_PIXELS), manifest()).any()


@pytest.mark.parametrize("size", [(640, 480), (4000, 3000)])
@pytest.mark.parametrize("options", [
    {"format": "JPEG", "quality": 92}, {"format": "JPEG", "quality": 92, "progressive": True},
    {"format": "PNG"}, {"format": "WEBP", "quality": 92},
    {"format": "WEBP", "lossless": True, "method": 0},
])
def test_ordinary_pictures(size: tuple[int, int], options: dict[str, object]) -> None:
    """A soft scene, which compresses better than photographs do, is accepted in every format."""
    data = encode(scene(*size), **options)  # type: ignore[arg-type]
    assert (open_picture(data, MAX_PIXELS).width, *size[1:]) == size


def test_scans_are_counted() -> None:
    """Only a progressive JPEG is gone over more than once."""
    assert check_parts(jpeg_of_scans(64, 64, 20), "image/jpeg") == 20
    assert check_parts(encode(scene(), "JPEG", progressive=True), "image/jpeg") == 10
    assert check_parts(jpeg(), "image/jpeg") == 1
    assert check_parts(rotated(6), "image/jpeg") == 1


def test_what_follows_the_picture() -> None:
    """Whatever phones put behind a JPEG, such as a film, does not count."""
    progressive = encode(scene(), "JPEG", progressive=True)
    assert check_parts(progressive + b"\xff\xda\0\0" * 1000, "image/jpeg") == 10


def test_end_hidden_in_a_comment() -> None:
    """An end that stands in a segment is none."""
    whole = jpeg_of_scans(64, 64, 60)
    at = whole.rindex(b"\xff\xda")
    hidden = whole[:at] + b"\xff\xfe\0\4" + EOI + whole[at:-2] * 6
    with pytest.raises(PayloadTooLarge, match="more than 64 scans"):
        check_parts(hidden, "image/jpeg")


def test_pieces_that_are_usual() -> None:
    """A long profile in front of a JPEG, and thumbnails with pixels of their own, are accepted."""
    profile = jpeg_of_segments(b"\xff\xe2", b"ICC_PROFILE\0" + bytes(60_000), 100)
    thumbnails = jpeg_of_segments(b"\xff\xed", jpeg(160, 120)[:60_000], 100)
    for data in (profile, thumbnails):
        assert check_parts(data, "image/jpeg") == 1
        open_picture(data, MAX_PIXELS)
    texts = png()[:33] + png_chunk(b"tEXt", b"a\0b") * 500 + png()[33:]
    open_picture(texts, MAX_PIXELS)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_damage_is_left_to_the_decoder(media_type: str) -> None:
    """Wherever a file ends, it has no more parts than the whole."""
    whole = {"image/jpeg": encode(scene(), "JPEG", progressive=True), "image/png": png(),
             "image/webp": webp()}[media_type]
    for end in range(12, len(whole), max(1, len(whole) // 300)):
        assert 1 <= check_parts(whole[:end], media_type) <= 10


def test_pixels_for_the_bytes() -> None:
    """Up to three megapixels are free; above, each byte pays for 200 pixels."""
    check_pixels(b"", 2000, 1500, 1)
    check_pixels(bytes(200_000), 8000, 5000, 1)
    with pytest.raises(PayloadTooLarge, match="8000 x 5000 pixels in 199999 bytes"):
        check_pixels(bytes(199_999), 8000, 5000, 1)
    with pytest.raises(PayloadTooLarge, match="goes over them 60 times"):
        check_pixels(bytes(20_000), 2000, 1500, 60)


def test_one_large_picture_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures that cannot be decoded at a small scale wait for each other; others do not.
    """
    at_once, most, lock = 0, 0, threading.Lock()
    decode = ImageFile.ImageFile.load

    def load(image: ImageFile.ImageFile) -> Image.core.PixelAccess | None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            return decode(image)
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    large = encode(scene(2400, 1600), "PNG", compress_level=1)
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(
                lambda data: preprocess(open_picture(data, MAX_PIXELS), manifest()), [large] * 4):
            pass
    assert most == 1
