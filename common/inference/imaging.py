"""Pictures from untrusted bytes, and the tensors made of them."""
from __future__ import annotations

import io
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from common.errors import BrokenPicture, PayloadTooLarge, UnsupportedMedia
from common.inference.cost import SMALL_PIXELS, check_parts, check_pixels
from common.inference.engine import Pixels
from common.inference.manifest import Manifest

# Magic bytes: JPEG (ITU T.81 B.1.1.3), PNG (W3C PNG §5.2), WebP (RFC 9649 §2.4).
_JPEG, _PNG, _RIFF, _WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"WEBP"
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
# MPO is a JPEG with further pictures behind it, as phones write them: the first one counts.
_PILLOW_FORMATS = {
    "image/jpeg": ["JPEG", "MPO"], "image/png": ["PNG"], "image/webp": ["WEBP"]}
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_one_at_a_time = threading.Lock()
# How to turn a picture upright, by the value of its EXIF tag Orientation (CIPA DC-008, 4.6.5).
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The size is checked before anything is decoded, against a limit of our own.
Image.MAX_IMAGE_PIXELS = None
# All texts of a PNG together, unpacked; nothing reads them.
PngImagePlugin.MAX_TEXT_MEMORY = 1 << 20
# Damage that does not stop the decoder is no news to an operator.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """A picture whose header was read and accepted; `width` and `height` in pixels as stored."""

    media_type: str
    width: int
    height: int
    image: Image.Image

    @property
    def extension(self) -> str:
        """The file extension that belongs to the media type."""
        return _EXTENSIONS[self.media_type]


def open_picture(data: bytes, max_pixels: int) -> Picture:
    """Read the header of a JPEG, PNG or WebP picture; nothing is decoded yet.

    Raises UnsupportedMedia for other bytes, BrokenPicture for a damaged header, PayloadTooLarge
    for more than `max_pixels` pixels, more than one frame, or more work than the bytes are worth.
    """
    media_type = _sniff(data)
    scans = check_parts(data, media_type)
    try:
        image = Image.open(io.BytesIO(data), formats=_PILLOW_FORMATS[media_type])
    except MemoryError:
        raise
    except Exception as error:  # Pillow's parsers raise whatever the damage leads them to
        raise BrokenPicture("The picture's header is damaged.") from error
    if image.width * image.height > max_pixels:
        raise PayloadTooLarge(
            f"The picture has {image.width} x {image.height} pixels; "
            f"at most {max_pixels} are allowed.")
    check_pixels(data, image.width, image.height, scans)
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise PayloadTooLarge("The picture is animated; only one frame is allowed.")
    return Picture(media_type, image.width, image.height, image)


def preprocess(picture: Picture, manifest: Manifest) -> Pixels:
    """Decode a picture into the model's input, shape (1, height, width, 3), dtype as declared.

    JPEGs are decoded at a reduced scale that is still at least twice the size needed, which
    costs 0.4/255 of mean pixel error and saves most of the time of large pictures. Transparent
    pictures are laid on white. Raises BrokenPicture if the pixels cannot be decoded.
    """
    needed = max(manifest.resize_size, manifest.height, manifest.width)
    try:
        image = picture.image
        image.draft(None, (2 * needed, 2 * needed))
        with _in_turn(image):
            image.load()
            image = _to_rgb(_upright(image))
            resized = image.resize(
                (manifest.width, manifest.height), _FILTERS[manifest.resize_filter],
                box=_crop_box(image, manifest))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise BrokenPicture("The picture's pixels cannot be decoded.") from error
    raw = np.asarray(resized, np.uint8)[np.newaxis]
    if manifest.dtype == "uint8":
        return raw
    pixels = raw.astype(np.float32)
    pixels -= np.array(manifest.mean, np.float32)
    pixels /= np.array(manifest.scale, np.float32)
    return pixels


def _sniff(data: bytes) -> str:
    if data.startswith(_JPEG):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "image/webp"
    raise UnsupportedMedia("The file is not a JPEG, PNG or WebP picture.")


def _in_turn(image: Image.Image) -> AbstractContextManager[object]:
    """What is not decoded at a small scale takes much memory: one of those at a time."""
    large = image.width * image.height > SMALL_PIXELS or "progressive" in image.info
    return _one_at_a_time if large else nullcontext()


def _upright(image: Image.Image) -> Image.Image:
    """Turned as EXIF says. ImageOps.exif_transpose also rewrites the other tags, and fails if
    one of them is odd."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip to 8 bits
        samples = np.asarray(image)
        grey = (samples // 257).astype(np.uint8)
        grey[samples == image.info.get("transparency", -1)] = 255
        image = Image.fromarray(grey)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        image = Image.alpha_composite(white, opaque)
    return image if image.mode == "RGB" else image.convert("RGB")


def _crop_box(image: Image.Image, manifest: Manifest) -> tuple[float, float, float, float]:
    """The part of `image` that becomes the input, so that crop and resize are one step."""
    if manifest.resize_mode == "exact":
        return (0, 0, image.width, image.height)
    ratio = min(image.size) / manifest.resize_size
    # Rounding must not make the box larger than the picture: Pillow refuses such a box.
    width = min(manifest.width * ratio, image.width)
    height = min(manifest.height * ratio, image.height)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return (left, top, left + width, top + height)
