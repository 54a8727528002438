"""How a dataset is written: as rows, or with the pictures themselves. All of it is streamed."""
from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from model_admin.datasets.repository import LabelledPicture
from model_admin.datasets.split import Part
from model_admin.datasets.tfrecord import example, record

COLUMNS = (
    "image_id", "object_key", "sha256", "label", "split", "prediction_id", "predicted_class",
    "confidence_score", "model_version", "width", "height", "labelled_at")


@dataclass(frozen=True)
class Sample:
    """A labelled picture in its part of the dataset; `data` is empty where nobody asked."""

    picture: LabelledPicture
    part: Part
    data: bytes = b""

    def row(self) -> dict[str, Any]:
        """What COLUMNS name, as JSON has it."""
        values = {**vars(self.picture), "split": self.part}
        return {name: _as_json(values[name]) for name in COLUMNS}


Samples = Iterable[Sample]


@dataclass(frozen=True)
class Format:
    """A way to write samples; `with_data` if it holds the pictures themselves."""

    media_type: str
    extension: str
    with_data: bool
    write: Callable[[Samples], Iterator[bytes]]


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (str, int, float, type(None))) else (
        value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value))


def write_csv(samples: Samples) -> Iterator[bytes]:
    """RFC 4180, with a line of names."""
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS)
    writer.writeheader()
    for sample in samples:
        writer.writerow(sample.row())
        yield _taken(line)
    yield _taken(line)


def write_ndjson(samples: Samples) -> Iterator[bytes]:
    """A JSON object a line."""
    for sample in samples:
        yield json.dumps(sample.row()).encode() + b"\n"


def write_image_folder(samples: Samples) -> Iterator[bytes]:
    """A zip of <part>/<label>/<image_id>.<ext>, as torchvision's ImageFolder and Keras'
    image_dataset_from_directory read it once it is unpacked. Of a label, what could not be the
    name of a folder everywhere is percent-encoded."""
    written = _Unseekable()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for sample in samples:
            name = sample.picture.object_key
            folder = quote(sample.picture.label, safe=" ,()'&+")
            folder = folder if folder.strip(". ") else folder.replace(".", "%2E")
            archive.writestr(
                f"{sample.part}/{folder}/{sample.picture.image_id}{PurePosixPath(name).suffix}",
                sample.data)
            yield written.taken()
    yield written.taken()


def write_tfrecord(samples: Samples) -> Iterator[bytes]:
    """TFRecord of tf.train.Example, with the names of features that TensorFlow's models use."""
    for sample in samples:
        picture = sample.picture
        yield record(example({
            "image/encoded": sample.data,
            "image/format": picture.content_type.removeprefix("image/").encode(),
            "image/class/text": picture.label.encode(),
            "image/key/sha256": picture.sha256.hex().encode(),
            "image/source_id": str(picture.image_id).encode(),
            "image/width": picture.width or 0,
            "image/height": picture.height or 0,
            "split": sample.part.encode(),
        }))


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", "csv", False, write_csv),
    "ndjson": Format("application/x-ndjson", "ndjson", False, write_ndjson),
    "imagefolder": Format("application/zip", "zip", True, write_image_folder),
    "tfrecord": Format("application/octet-stream", "tfrecord", True, write_tfrecord),
}


def _taken(line: io.StringIO) -> bytes:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text.encode()


class _Unseekable(io.RawIOBase):
    """Takes what is written until somebody takes it away; zipfile then writes no offsets back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since this was last called."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
