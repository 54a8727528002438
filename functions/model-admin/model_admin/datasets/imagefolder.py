"""A folder for each class, as a zip file that is sent while it is written."""
from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator

from model_admin.datasets.service import Example

# The directory of a zip file comes last and is kept in memory: 1 kB for each picture.
MOST_PICTURES = 50_000
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
# What some system does not take in the name of a folder, and the sign that stands for it.
_UNSAFE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f]|^[. ]|[. ]$')
_LONGEST_NAME = 200


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are what zipfile sends
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def zipped(examples: Iterable[Example]) -> Iterator[bytes]:
    """`<part>/<label>/<image_id>.<extension>` of each, uncompressed as pictures are already."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for example in examples:
            picture = example.picture
            name = (f"{example.part}/{folder_name(picture.label)}/{picture.image_id}."
                    f"{_EXTENSIONS.get(picture.content_type, 'bin')}")
            info = zipfile.ZipInfo(name, picture.labelled_at.timetuple()[:6])
            info.external_attr = 0o644 << 16
            archive.writestr(info, example.data)
            yield sink.take()
    yield sink.take()


def folder_name(label: str) -> str:
    """A label as the name of a folder, on any system; no two labels have the same.

    Unsafe characters are percent-encoded; long labels end in a digest of the whole.
    """
    name = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", label)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(label.encode()).hexdigest()[:16]
    return name.encode()[:_LONGEST_NAME - 20].decode(errors="ignore") + f"%%{digest}"
