"""GET /api/v1/datasets/export: parse, call once, serialise."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.parameters import sent_choice, sent_period, sent_text
from common.tables import MEDIA_TYPES, attachment, sent_format, table_answer
from common.web import origin, require_admin
from model_admin.datasets import imagefolder, tfrecord
from model_admin.datasets.repository import Choice
from model_admin.datasets.service import Datasets, Example
from model_admin.datasets.split import PARTS, Split

COLUMNS = (
    "split", "label", "image_id", "object_key", "sha256", "content_type", "size_bytes", "width",
    "height", "predicted_class", "confidence_score", "model_version", "labelled_at")
DEFAULT_SHARE = 0.1


@dataclass(frozen=True)
class FileKind:
    """A file with the pictures themselves; `most` of them fit into it."""

    write: Callable[[Iterable[Example]], Iterator[bytes]]
    media_type: str
    filename: str
    most: int | None = None


FILES = {
    "imagefolder": FileKind(
        imagefolder.zipped, "application/zip", "dataset.zip", imagefolder.MOST_PICTURES),
    "tfrecord": FileKind(tfrecord.records, "application/octet-stream", "dataset.tfrecord"),
}


def create_routes(datasets: Datasets) -> Blueprint:
    """The route of data sets, for administrators only."""
    routes = Blueprint("datasets", __name__)
    routes.before_request(require_admin)

    @routes.get("/api/v1/datasets/export")
    def export() -> ResponseReturnValue:
        kind, choice = sent_format([*MEDIA_TYPES, *FILES]), _choice()
        part = sent_choice("split", PARTS)
        split = Split(_share("validation"), _share("test"))
        if kind in MEDIA_TYPES:
            rows = datasets.rows(choice, split, part, origin())
            return table_answer(rows, COLUMNS, kind, "dataset")
        file = FILES[kind]
        examples = datasets.examples(choice, split, part, file.most, origin())
        # The first picture is awaited, so that what cannot be read at all is refused.
        begun = itertools.chain([*itertools.islice(examples, 1)], examples)
        return attachment(file.write(begun), examples, file.media_type, file.filename)

    return routes


def _choice() -> Choice:
    since, until = sent_period()
    return Choice(sent_text("label"), sent_text("model_version"), since, until)


def _share(name: str) -> float:
    try:
        share = float(request.args.get(name, DEFAULT_SHARE))
    except ValueError:
        share = math.nan
    if not 0 <= share < 1:
        raise InvalidValue(f"{name} must be a share from 0 to less than 1, as in 0.1.")
    return share
