"""GET /api/v1/datasets/export: parse, call once, stream."""
from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from common.errors import InvalidValue
from common.fields import parse_time, parse_uuid
from common.web import origin, principal
from model_admin.datasets.formats import FORMATS
from model_admin.datasets.repository import Filters
from model_admin.datasets.service import Choice, Datasets
from model_admin.datasets.split import PARTS, Split

SOURCES = ("http", "bucket", "backfill")
MAX_TEXT_CHARACTERS = 255


def create_routes(datasets: Datasets) -> Blueprint:
    """The route of datasets, for administrators only."""
    routes = Blueprint("datasets", __name__, url_prefix="/api/v1/datasets")

    @routes.before_request
    def require_admin() -> None:
        principal().require_admin()

    @routes.get("/export")
    def export() -> Response:
        format = FORMATS[_one_of("format", request.args.get("format", "ndjson"), (*FORMATS,))]
        answer = Response(
            datasets.export(_choice(), format, origin()), content_type=format.media_type)
        answer.headers["Content-Disposition"] = (
            f'attachment; filename="dataset.{format.extension}"')
        return answer

    return routes


def _choice() -> Choice:
    split = Split(_share("validation", 0.1), _share("test", 0.1))
    if split.validation + split.test > 1:
        raise InvalidValue("validation and test must not be more than 1 together.")
    part, source = request.args.get("split"), request.args.get("source")
    user_id = request.args.get("user_id")
    filters = Filters(
        label=_text("label"), predicted_class=_text("predicted_class"),
        min_confidence=_share("min_confidence", None), model_version=_text("model_version"),
        source=None if source is None else _one_of("source", source, SOURCES),
        since=_time("from"), until=_time("to"),
        user_id=None if user_id is None else parse_uuid("user_id", user_id))
    return Choice(filters, split, None if part is None else _one_of("split", part, PARTS))


def _one_of(name: str, text: Any, choices: tuple[str, ...]) -> Any:
    if text not in choices:
        raise InvalidValue(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}.")
    return text


def _share(name: str, default: float | None) -> Any:
    """A number from 0 to 1 in decimal digits."""
    text = request.args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,18})?", text) or float(text) > 1:
        raise InvalidValue(f"{name} must be a number from 0 to 1.")
    return float(text)


def _text(name: str) -> str | None:
    text = request.args.get(name)
    if text is not None and (len(text) > MAX_TEXT_CHARACTERS or "\0" in text):
        raise InvalidValue(f"{name} must have at most {MAX_TEXT_CHARACTERS} characters.")
    return text


def _time(name: str) -> datetime | None:
    sent = request.args.get(name)
    return None if sent is None else parse_time(name, sent)
