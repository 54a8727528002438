"""Pictures of every kind become the model's input; what is no usable picture is refused."""
from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common.errors import BrokenPicture, PayloadTooLarge, UnsupportedMedia
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Manifest
from tests import pictures
from tests.manifests import manifest, preprocessing
from tests.pictures import encode, grey16, scene, transparent

MAX_PIXELS = 40_000_000
ROOT = Path(__file__).parents[4]


def pixels_of(data: bytes, how: Manifest | None = None) -> NDArray[np.float64]:
    """The model's input for a picture, back in 0..255, shape (height, width, 3)."""
    how = how or manifest()
    tensor = preprocess(open_picture(data, MAX_PIXELS), how)
    assert tensor.shape == (1, how.height, how.width, 3)
    assert tensor.dtype == np.dtype(how.dtype)
    assert np.isfinite(tensor).all()
    return tensor[0].astype(np.float64) * how.scale + how.mean


def reference(image: Image.Image) -> NDArray[np.float64]:
    """The same in small steps: resize the whole picture, then cut the center out."""
    ratio = 256 / min(image.size)
    resized = image.resize(
        (round(image.width * ratio), round(image.height * ratio)), Image.Resampling.BICUBIC)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    return np.asarray(resized.crop((left, top, left + 224, top + 224)), np.float64)


def difference(data: bytes, image: Image.Image) -> float:
    """Mean difference, in 1/255, between a file's input and the reference of an image."""
    return float(np.abs(pixels_of(data) - reference(image)).mean())


def on_white(image: Image.Image) -> Image.Image:
    """What a viewer with a white background shows."""
    rgba = np.asarray(image.convert("RGBA"), np.float64)
    alpha = rgba[..., 3:] / 255
    return Image.fromarray((rgba[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8))


GREY = scene().convert("L").convert("RGB")
PALETTE = scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
BILEVEL = scene().convert("1", dither=Image.Dither.NONE)
KINDS: dict[str, tuple[Callable[[], bytes], Image.Image, float]] = {
    "jpeg": (pictures.jpeg, scene(), 2),
    "jpeg, progressive": (lambda: encode(scene(), "JPEG", progressive=True), scene(), 2),
    "jpeg, grey": (lambda: encode(scene().convert("L"), "JPEG"), GREY, 2),
    "jpeg, CMYK": (lambda: encode(scene().convert("CMYK"), "JPEG", quality=95), scene(), 3),
    "jpeg, MPO": (pictures.mpo, scene(), 2),
    "png": (pictures.png, scene(), 1),
    "png, grey": (lambda: encode(scene().convert("L"), "PNG"), GREY, 1),
    "png, 16-bit grey": (lambda: encode(grey16(), "PNG"), GREY, 1),
    "png, bilevel": (lambda: encode(BILEVEL, "PNG"), BILEVEL.convert("RGB"), 2),
    "png, palette": (lambda: encode(PALETTE, "PNG"), PALETTE.convert("RGB"), 1),
    "png, alpha": (lambda: encode(transparent("RGBA", 90), "PNG"),
                   on_white(transparent("RGBA", 90)), 1),
    "png, grey alpha": (lambda: encode(transparent("LA", 90), "PNG"),
                        on_white(transparent("LA", 90)), 1),
    "webp": (pictures.webp, scene(), 2),
    "webp, lossless": (lambda: encode(scene(), "WEBP", lossless=True), scene(), 1),
    "webp, alpha": (lambda: encode(transparent("RGBA", 90), "WEBP", lossless=True),
                    on_white(transparent("RGBA", 90)), 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_mode(kind: str) -> None:
    """A picture of any format and mode becomes the input a viewer would expect of it."""
    make, image, tolerance = KINDS[kind]
    assert difference(make(), image) < tolerance


@pytest.mark.parametrize(("data", "media_type", "extension"), [
    (pictures.jpeg(), "image/jpeg", "jpg"), (pictures.mpo(), "image/jpeg", "jpg"),
    (pictures.png(), "image/png", "png"), (pictures.webp(), "image/webp", "webp"),
], ids=["jpeg", "mpo", "png", "webp"])
def test_what_is_known_of_a_picture(data: bytes, media_type: str, extension: str) -> None:
    """Media type, extension and size come from the bytes."""
    picture = open_picture(data, MAX_PIXELS)
    assert (picture.media_type, picture.extension) == (media_type, extension)
    assert (picture.width, picture.height) == (640, 480)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (10, 130, 250)])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (223, 225), (7, 5)])
def test_every_size(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """A picture of one colour gives that colour, however small or thin it is."""
    pixels = pixels_of(encode(Image.new("RGB", size, colour), "PNG"))
    assert np.abs(pixels - colour).max() < 1e-4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    """A picture stored turned or mirrored equals the upright one, pixel by pixel."""
    turned = pictures.rotated(orientation, "PNG")
    assert np.array_equal(pixels_of(turned), pixels_of(pictures.png()))


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_orientation_of_lossy_formats(format: str, orientation: int) -> None:
    """What phones send stands upright."""
    assert difference(pictures.rotated(orientation, format, quality=92), scene()) < 2


def test_orientation_keeps_transparency() -> None:
    """A turned picture with a transparent colour is laid on white like an upright one."""
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    image = Image.new("P", (64, 64), 5)
    image.putpalette(bytes(768))
    pixels = pixels_of(encode(image, "PNG", transparency=5, exif=exif))
    assert pixels.min() == 255


@pytest.mark.parametrize("exif", [
    b"", b"II*\0", b"nonsense", b"\xff" * 60, b"MM\0*\0\0\0\x08\xff\xff",
    pictures.exif_block((0x0112, 3, 1, b"\x09\0\0\0")),
    pictures.exif_block((0x0112, 2, 2, b"6\0\0\0")),
    pictures.exif_block((0x0112, 5, 1, b"\xff\xff\0\0")),
    pictures.exif_block((0x8769, 4, 1, b"\xff\xff\xff\x7f")),
], ids=range(9))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_exif(exif: bytes) -> None:
    """EXIF that makes no sense does not keep a good picture from being read."""
    assert difference(pictures.with_exif(pictures.jpeg(), exif), scene()) < 2


@pytest.mark.parametrize("tag", [0x011A, 0x8769, 0x8825, 0x9286, 0xA005, 0xC4A5], ids=hex)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_tag_beside_the_orientation(tag: int) -> None:
    """A tag of any unexpected type does not keep a picture from being turned upright."""
    turned = encode(scene(320, 240).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92)
    for kind in range(1, 14):
        exif = pictures.exif_block((0x0112, 3, 1, b"\x06\0\0\0"), (tag, kind, 1, b"abcd"))
        assert difference(pictures.with_exif(turned, exif), scene(320, 240)) < 2, kind


def test_sixteen_bit_grey_is_not_clipped() -> None:
    """All 65536 greys are spread over the range; convert() alone would make most of them white."""
    ramp = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[np.newaxis], 256, axis=0)
    pixels = pixels_of(encode(Image.fromarray(ramp), "PNG"))
    expected = np.linspace(0, 255, 256)[16:240]
    assert np.abs(pixels[112, :, 0] - expected).max() < 1.5


def test_sixteen_bit_grey_with_a_transparent_grey() -> None:
    """A 16-bit PNG may declare one grey transparent: it lies on white like any other."""
    image = Image.fromarray(np.full((32, 32), 1000, np.uint16))
    assert pixels_of(encode(image, "PNG", transparency=1000)).min() == 255


@pytest.mark.parametrize(("mode", "transparency"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_transparent_colour(mode: str, transparency: object) -> None:
    """A picture without an alpha channel may declare one colour transparent."""
    data = encode(Image.new(mode, (32, 32)), "PNG", transparency=transparency)
    assert pixels_of(data).min() == 255


def test_fully_transparent_picture_is_white() -> None:
    """The colour below full transparency is not seen."""
    assert pixels_of(encode(Image.new("RGBA", (32, 32), (9, 9, 9, 0)), "PNG")).min() == 255


@pytest.mark.parametrize(("format", "size"), [
    ("JPEG", (3000, 4000)), ("JPEG", (2001, 2903)), ("JPEG", (1100, 5000)), ("MPO", (3000, 2000))])
def test_scaled_decoding(format: str, size: tuple[int, int]) -> None:
    """A large JPEG is decoded at a reduced scale, and hardly a pixel is another for it."""
    data = encode(scene(*size), format, quality=92)
    with Image.open(io.BytesIO(data)) as full:
        expected = reference(full.convert("RGB"))
    picture = open_picture(data, MAX_PIXELS)
    tensor = preprocess(picture, manifest())
    assert 2 * 256 <= min(picture.image.size) < min(size)
    assert (picture.width, picture.height) == size
    assert np.abs(tensor[0] * 128.0 + 127 - expected).mean() < 2


def test_resizing_without_cropping() -> None:
    """Where the resized picture is as large as the input, the whole of it is taken."""
    how = manifest(preprocessing=preprocessing("shorter_side", 224))
    for size in (*range(1, 300), 512, 1000, 1001):
        data = encode(Image.new("L", (size, size), 77), "PNG")
        assert np.abs(pixels_of(data, how) - 77).max() < 1e-4, size


def test_exact_resizing() -> None:
    """"exact" stretches the whole picture to the input's height and width."""
    how = manifest(preprocessing=preprocessing("exact"), input={"height": 100, "width": 300})
    stretched = scene().resize((300, 100), Image.Resampling.BICUBIC)
    assert np.abs(pixels_of(pictures.png(), how) - np.asarray(stretched)).mean() < 1


def test_center_crop_of_an_oblong_input() -> None:
    """Height and width of the input are not mixed up."""
    how = manifest(preprocessing=preprocessing("shorter_side", 240),
                   input={"height": 100, "width": 200})
    resized = scene().resize((320, 240), Image.Resampling.BICUBIC).crop((60, 70, 260, 170))
    assert np.abs(pixels_of(pictures.png(), how) - np.asarray(resized)).mean() < 1


def test_filter() -> None:
    """The manifest's resampling filter is used."""
    results = [pixels_of(pictures.png(), manifest(preprocessing={"resize": {
        "mode": "shorter_side", "size": 256, "filter": name}}))
        for name in ("nearest", "bilinear", "bicubic", "lanczos")]
    assert len({result.tobytes() for result in results}) == 4


def test_normalization_by_channel() -> None:
    """Mean and scale belong to red, green and blue, in this order."""
    how = manifest(preprocessing={"normalization": {"mean": [10, 20, 30], "scale": [1, 2, 4]}})
    data = encode(Image.new("RGB", (9, 9), (11, 24, 42)), "PNG")
    tensor = preprocess(open_picture(data, MAX_PIXELS), how)
    assert np.allclose(tensor[0, 0, 0], [1, 2, 3])


def test_integer_input() -> None:
    """A model that takes bytes gets the pixels as they are."""
    how = manifest(input={"dtype": "uint8"})
    tensor = preprocess(open_picture(pictures.png(), MAX_PIXELS), how)
    assert tensor.dtype == np.uint8
    assert np.abs(tensor[0].astype(float) - reference(scene())).mean() < 1


def test_too_many_pixels() -> None:
    """The limit is what it says: one pixel more is refused."""
    data = pictures.png(100, 50)
    assert open_picture(data, 5000).width == 100
    with pytest.raises(PayloadTooLarge, match="100 x 50"):
        open_picture(data, 4999)


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)])
def test_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    """The size is judged before decoding: there are no pixels here to decode."""
    with pytest.raises(PayloadTooLarge):
        open_picture(pictures.png_header(*size), MAX_PIXELS)


def test_bomb_costs_no_memory() -> None:
    """Refusing 169 megapixels takes a fraction of the memory that decoding them would."""
    code = """
import resource, sys
from common.errors import PayloadTooLarge
from common.inference.imaging import open_picture
from tests.pictures import png_bomb, png
open_picture(png(), 40_000_000)
bomb = png_bomb(13_000, 13_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_picture(bomb, 40_000_000)
except PayloadTooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60,
                            stdout=subprocess.PIPE, text=True).stdout
    assert int(output) < 10_000  # KiB


@pytest.mark.parametrize("format", ["WEBP", "PNG"])
def test_animated_pictures(format: str) -> None:
    """Of several frames nobody can say which one is meant."""
    with pytest.raises(PayloadTooLarge, match="animated"):
        open_picture(pictures.animated(format), MAX_PIXELS)


@pytest.mark.parametrize("data", [
    b"", b"hello", b'<svg xmlns="http://www.w3.org/2000/svg"/>', b"<html></html>", b"\xff\xd8",
    b"RIFF\0\0\0\0WAVE", b"RIFF", b"%PDF-1.7", bytes(1000), pictures.animated("GIF"),
    encode(scene(), "TIFF"), encode(scene(), "BMP"), encode(scene(), "PPM"),
    encode(scene(16, 16), "ICO"), b"\n" + pictures.png(),
], ids=range(15))
def test_no_picture(data: bytes) -> None:
    """Bytes that are no JPEG, PNG or WebP are refused by how they begin."""
    with pytest.raises(UnsupportedMedia):
        open_picture(data, MAX_PIXELS)


@pytest.mark.parametrize("make", [pictures.jpeg, pictures.png, pictures.webp])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_truncated_picture(make: Callable[[], bytes], share: float) -> None:
    """A picture that was cut off is refused, not classified by the part that arrived."""
    data = make()
    with pytest.raises(BrokenPicture):
        preprocess(open_picture(data[:int(len(data) * share)], MAX_PIXELS), manifest())


@pytest.mark.parametrize("signature", [
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP"])
@pytest.mark.parametrize("rest", [b"", b"garbage" * 50, bytes(500), b"\xff" * 500])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_behind_the_signature(signature: bytes, rest: bytes) -> None:
    """Bytes that begin like a picture and go on like none are a broken picture."""
    with pytest.raises(BrokenPicture):
        preprocess(open_picture(signature + rest, MAX_PIXELS), manifest())


FUZZED = {
    "jpeg": pictures.jpeg(96, 64), "rotated jpeg": pictures.rotated(6), "mpo": pictures.mpo(),
    "png": pictures.png(96, 64), "palette": encode(PALETTE, "PNG"),
    "16-bit": encode(grey16(96, 64), "PNG"), "apng": pictures.animated("PNG"),
    "webp": pictures.webp(96, 64), "alpha webp": encode(transparent("RGBA", 90), "WEBP"),
    "animated webp": pictures.animated("WEBP"), "cmyk": encode(scene().convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("kind", FUZZED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage(kind: str) -> None:
    """Whatever bytes are changed, the answer is a tensor or a domain error, nothing else."""
    random = np.random.default_rng(20260101)
    how = manifest(input={"height": 32, "width": 32}, preprocessing=preprocessing("exact"))
    outcomes = set()
    for _ in range(60):
        data = bytearray(FUZZED[kind])
        # Headers hold most of what can go wrong.
        reach = len(data) if random.random() < 0.3 else min(len(data), 400)
        for _ in range(random.integers(1, 8)):
            data[random.integers(3, reach)] = random.integers(256)
        try:
            tensor = preprocess(open_picture(bytes(data), MAX_PIXELS), how)
            assert np.isfinite(tensor).all()
            outcomes.add("tensor")
        except (BrokenPicture, PayloadTooLarge, UnsupportedMedia) as error:
            outcomes.add(type(error).__name__)
    assert len(outcomes) >= 2
