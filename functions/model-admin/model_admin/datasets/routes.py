"""GET /api/v1/datasets/export: parse, call once, serialise."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from common.errors import InvalidValue
from common.fields import parse_time
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
MAX_TEXT_CHARACTERS = 255


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
        kind, choice, part = sent_format([*MEDIA_TYPES, *FILES]), _choice(), _part()
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
    choice = Choice(_text("label"), _text("model_version"), _time("from"), _time("to"))
    if choice.since and choice.until and choice.since > choice.until:
        raise InvalidValue("to must not be before from.")
    return choice


def _text(name: str) -> str | None:
    text = request.args.get(name)
    if text is not None and (len(text) > MAX_TEXT_CHARACTERS or "\0" in text):
        raise InvalidValue(f"{name} must have at most {MAX_TEXT_CHARACTERS} characters.")
    return text


def _time(name: str) -> datetime | None:
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)


def _part() -> str | None:
    sent = request.args.get("split")
    if sent is not None and sent not in PARTS:
        raise InvalidValue(f"split must be {', '.join(PARTS[:-1])} or {PARTS[-1]}.")
    return sent


def _share(name: str) -> float:
    try:
        share = float(request.args.get(name, DEFAULT_SHARE))
    except ValueError:
        share = math.nan
    if not 0 <= share < 1:
        raise InvalidValue(f"{name} must be a share from 0 to less than 1, as in 0.1.")
    return share
