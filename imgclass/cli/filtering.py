"""The options that choose a part of the history, the same wherever they are."""
from __future__ import annotations

import uuid
from datetime import datetime
from enum import Enum
from typing import Annotated

import typer

from imgclass.filters import Filters


class Source(str, Enum):
    """How pictures came in."""

    HTTP = "http"
    BUCKET = "bucket"
    BACKFILL = "backfill"


Class = Annotated[str | None, typer.Option("--class", metavar="CLASS", help="Only this class.")]
MinConfidence = Annotated[float | None, typer.Option(
    "--min-confidence", min=0, max=1, help="Only predictions at least this sure.")]
ModelVersion = Annotated[str | None, typer.Option(
    "--model", metavar="VERSION", help="Only what this model version said.")]
From = Annotated[Source | None, typer.Option(
    "--source", help="Only pictures that came in like this.")]
Since = Annotated[datetime | None, typer.Option("--from", help="Only from this local time on.")]
Until = Annotated[datetime | None, typer.Option("--to", help="Only before this local time.")]
User = Annotated[uuid.UUID | None, typer.Option(
    "--user", metavar="UUID", help="Another user's (role admin).")]


def filters(
    predicted_class: str | None, min_confidence: float | None, model_version: str | None,
    source: Source | None, since: datetime | None, until: datetime | None,
    user_id: uuid.UUID | None,
) -> Filters:
    """What the options choose."""
    return Filters(
        user_id, predicted_class, min_confidence, model_version, source and source.value,
        since and since.astimezone(), until and until.astimezone())
