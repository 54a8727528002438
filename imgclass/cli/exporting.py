"""Taking the history, or a labelled dataset, out of the service: `export`."""
from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.filtering import filtered
from imgclass.filters import EVERYTHING, Filters

if TYPE_CHECKING:
    from imgclass.client import Client

REWORD_SECONDS = 0.2


class Format(str, Enum):
    """How rows are written; the last two hold pictures, and are for datasets alone."""

    CSV = "csv"
    NDJSON = "ndjson"
    IMAGEFOLDER = "imagefolder"
    TFRECORD = "tfrecord"


BINARY = (Format.IMAGEFOLDER, Format.TFRECORD)


@dataclass(frozen=True)
class Exported:
    """What was written, and where."""

    file: Path
    format: str
    size_bytes: int


@filtered
def export(
    format: Annotated[Format | None, typer.Option(
        help="csv or ndjson; with --dataset also imagefolder (a zip) or tfrecord. "
             "Else as the file's name ends, else csv.")] = None,
    file: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="FILE", dir_okay=False, help="Else stdout.")] = None,
    dataset: Annotated[bool, typer.Option(
        "--dataset", help="Labelled pictures, split for training (role admin).")] = False,
    wanted: Filters = EVERYTHING,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Write predictions, or a labelled dataset, to a file.

    A file appears once it is complete. With --json, stdout has NDJSON, or says what was written.
    """
    chosen = _format(format, file, dataset, as_json)
    unfit = wanted.predicted_class, wanted.min_confidence, wanted.source, wanted.user_id
    if dataset and set(unfit) != {None}:
        raise typer.BadParameter(
            "labelled pictures are chosen by --model-version, --from and --to alone",
            param_hint="--dataset")
    with connected(url, token, admin=dataset or wanted.user_id is not None) as client:
        write = _writer(client, dataset, chosen, wanted)
        if file is None:
            write(sys.stdout.buffer, lambda written: None)
            return
        with _appearing(file) as part, _counted(file) as progress:
            size = write(part, progress)
    if as_json:
        output.print_json(Exported(file, chosen.value, size))
    else:
        typer.echo(f"{output.printable(str(file))}: {size} bytes of {chosen.value}")


def _format(format: Format | None, file: Path | None, dataset: bool, as_json: bool) -> Format:
    """The format that is asked for. Raises BadParameter for one that does not fit the rest."""
    chosen = format or _usual(file, dataset, as_json)
    if chosen in BINARY and not dataset:
        raise typer.BadParameter(f"{chosen.value} needs --dataset", param_hint="--format")
    if chosen in BINARY and file is None and sys.stdout.isatty():
        raise typer.BadParameter(f"{chosen.value} needs --output FILE", param_hint="--format")
    if as_json and file is None and chosen is not Format.NDJSON:
        raise typer.BadParameter("--json prints ndjson", param_hint="--format")
    return chosen


def _usual(file: Path | None, dataset: bool, as_json: bool) -> Format:
    """By the name of the file, where it tells."""
    suffixes = {".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".csv": Format.CSV}
    if dataset:
        suffixes |= {".zip": Format.IMAGEFOLDER, ".tfrecord": Format.TFRECORD}
    if file is None:
        return Format.NDJSON if as_json else Format.CSV
    return suffixes.get(file.suffix.lower(), Format.CSV)


def _writer(
    client: Client, dataset: bool, format: Format, wanted: Filters
) -> Callable[[BinaryIO, Callable[[int], None]], int]:
    method = client.export_dataset_to if dataset else client.export_to
    return lambda file, progress: method(file, format.value, wanted, progress)


@contextmanager
def _appearing(file: Path) -> Iterator[BinaryIO]:
    """A file that takes its name once it is whole; whatever goes wrong leaves none behind."""
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        output.fail(f"{error.filename or file} cannot be written: {error.strerror or error}")
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _counted(file: Path) -> Iterator[Callable[[int], None]]:
    """Shows on a terminal how much there is so far."""
    with output.spinner(f"writing {file}") as reword:
        shown = 0.0

        def progress(written: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= REWORD_SECONDS:
                shown = time.monotonic()
                reword(f"writing {file}, {written / 1e6:.1f} MB")

        yield progress
