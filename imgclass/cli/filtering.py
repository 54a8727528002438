"""The options that choose a part of the history, the same wherever they are."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import wraps
from inspect import signature
from typing import Annotated, Any

import typer

from imgclass.filters import Filters


class Source(str, Enum):
    """How pictures came in."""

    HTTP = "http"
    BUCKET = "bucket"
    BACKFILL = "backfill"


def local_time(given: datetime | None) -> datetime | None:
    """A time without a zone is meant as the clock here shows it."""
    return None if given is None else given.astimezone()


Since = Annotated[datetime | None, typer.Option(
    "--from", callback=local_time, help="Only from this local time on.")]
Until = Annotated[datetime | None, typer.Option(
    "--to", callback=local_time, help="Only before this local time.")]


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `_filters` in the place of its parameter `wanted`."""
    options = signature(_filters, eval_str=True).parameters
    own = signature(command, eval_str=True)

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        command(**given, wanted=_filters(**chosen))

    run.__signature__ = own.replace(parameters=[  # type: ignore[attr-defined]  # typer reads it
        each for name, parameter in own.parameters.items()
        for each in (options.values() if name == "wanted" else [parameter])])
    return run


def _filters(
    predicted_class: Annotated[str | None, typer.Option(
        "--class", metavar="CLASS", help="Only this class.")] = None,
    min_confidence: Annotated[float | None, typer.Option(
        "--min-confidence", min=0, max=1, help="Only predictions at least this sure.")] = None,
    model_version: Annotated[str | None, typer.Option(
        "--model", metavar="VERSION", help="Only what this model version said.")] = None,
    source: Annotated[Source | None, typer.Option(
        "--source", help="Only pictures that came in like this.")] = None,
    since: Since = None,
    until: Until = None,
    user_id: Annotated[uuid.UUID | None, typer.Option(
        "--user", metavar="UUID", help="Another user's (role admin).")] = None,
) -> Filters:
    """What the options choose."""
    return Filters(
        user_id, predicted_class, min_confidence, model_version, source and source.value, since,
        until)
