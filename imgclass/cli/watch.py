"""Classifying what comes into a folder: `watch`."""
from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.exits import Exit, code_of
from imgclass.cli.signals import interrupted_by
from imgclass.errors import ClientError, ProblemError

if TYPE_CHECKING:
    from imgclass.client import Client
    from imgclass.watching.watcher import Classify, Seen, Watcher

STATE = ".imgclass-watch"
LONGEST_PAUSE_SECONDS = 60.0


def watch(
    folder: Annotated[Path, typer.Argument(
        metavar="DIR", exists=True, file_okay=False, help="Looked through at any depth.")],
    once: Annotated[bool, typer.Option(
        "--once", help="End when all that lies there is classified.")] = False,
    only_new: Annotated[bool, typer.Option(
        "--only-new", help="Leave out what lies there when it is watched first.")] = False,
    interval: Annotated[float, typer.Option(
        min=0.05, help="Seconds between two looks.")] = 1.0,
    quiet: Annotated[float, typer.Option(
        "--settle", min=0, help="Seconds without a change after which a file is complete.")] = 2.0,
    state: Annotated[Path | None, typer.Option(
        "--state", metavar="FILE", dir_okay=False,
        help=f"Where to remember what is done; else DIR/{STATE}.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Classify each new picture in a folder once, until interrupted.

    A picture is sent when it has not changed for a while. What is done is remembered: a watcher
    that starts again goes on where it stopped. While the service is away, it waits. With --json,
    each answer is a line. Exits with 0 when interrupted, with --once also with 1 if any failed.
    """
    from imgclass.watching.memory import Memory, MemoryUnusable
    from imgclass.watching.settling import Settling
    from imgclass.watching.watcher import Watcher

    path = state or folder / STATE
    first = not path.exists()
    try:
        with _until_interrupted(), connected(url, token) as client, Memory(path, folder) as memory:
            watcher = Watcher(folder, memory, Settling(quiet), _classifier(client))
            if only_new and first:
                watcher.skip_all()
            failed = _watch(watcher, once, interval, as_json)
    except MemoryUnusable as error:
        output.fail(str(error))
    if failed:
        raise typer.Exit(Exit.FAILED)


def _watch(watcher: Watcher, once: bool, interval: float, as_json: bool) -> int:
    """How many failed, once all are through; without `once`, that is never."""
    failed = 0
    pause = interval
    while True:
        try:
            for seen in watcher.look():
                failed += bool(seen.reason)
                pause = interval
                _tell(watcher.folder, seen, as_json)
            if once and not watcher.waiting:
                return failed
            time.sleep(interval)
        except ClientError as error:
            if once or code_of(error) is not Exit.AWAY:
                raise
            if pause == interval:
                output.complain(f"{error}: going on as soon as it answers")
            pause = min(2 * pause, max(interval, LONGEST_PAUSE_SECONDS))
            time.sleep(pause)


def _classifier(client: Client) -> Classify:
    """How pictures are sent; tells what is wrong with one from what is wrong with all."""
    from imgclass.results.predictions import Prediction
    from imgclass.watching.watcher import Failed, Refused

    def classify(data: bytes, key: str) -> Prediction:
        try:
            return client.predict(data, key=key)
        except ProblemError as error:
            if code_of(error) in (Exit.AWAY, Exit.REFUSED):
                raise
            raise (Refused if error.status < 500 else Failed)(str(error)) from error

    return classify


def _tell(folder: Path, seen: Seen, as_json: bool) -> None:
    """At once, also on a terminal: a watcher has no end at which to draw a table."""
    file = str(folder / seen.name)
    if seen.reason:
        output.complain(f"{file}: {seen.reason}")
    if as_json:
        output.print_json_line(
            {"file": file, "error": seen.reason} if seen.prediction is None
            else {"file": file, **vars(seen.prediction)})
    elif seen.prediction is not None:
        typer.echo("\t".join(map(output.printable, (
            file, seen.prediction.predicted_class,
            output.confidence(seen.prediction.confidence_score),
            str(seen.prediction.prediction_id)))))


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """SIGINT and SIGTERM are how a watcher is meant to end."""
    try:
        with interrupted_by(signal.SIGTERM):
            yield
    except KeyboardInterrupt:
        raise typer.Exit(Exit.DONE) from None
