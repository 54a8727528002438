"""Classifying stored pictures again: `backfill start`, `show`, `list` and `cancel`."""
from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.filtering import local_time
from imgclass.selection import Selection

if TYPE_CHECKING:
    from imgclass.results.backfills import Backfill

Id = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The backfill, as `list` shows it.")]

app = typer.Typer(
    help="Classify stored pictures again, in the background (role admin).",
    no_args_is_help=True, rich_markup_mode=None)


@app.command()
def start(
    version: Annotated[str, typer.Option(
        "--model", metavar="VERSION", help="Classify with this version.")],
    since: Annotated[datetime | None, typer.Option(
        "--from", callback=local_time,
        help="Only pictures predicted from this local time on.")] = None,
    until: Annotated[datetime | None, typer.Option(
        "--to", callback=local_time,
        help="Only pictures predicted before this local time.")] = None,
    predicted_class: Annotated[str | None, typer.Option(
        "--class", help="Only pictures said to be of this class.")] = None,
    min_confidence: Annotated[float | None, typer.Option(
        "--min-confidence", min=0, max=1, help="Only where it was at least this sure.")] = None,
    max_confidence: Annotated[float | None, typer.Option(
        "--max-confidence", min=0, max=1, help="Only where it was at most this sure.")] = None,
    old_version: Annotated[str | None, typer.Option(
        "--old-model", metavar="VERSION", help="Only what this version answered.")] = None,
    user_id: Annotated[uuid.UUID | None, typer.Option(
        "--user", metavar="UUID", help="Only this user's pictures.")] = None,
    rate: Annotated[float | None, typer.Option(
        "--rate", min=0.1, max=1000, help="Pictures a second, else 20.")] = None,
    wait: Annotated[bool, typer.Option(
        "--wait", help="Stay until it ends. Exits with 1 unless it is done.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Start to classify the stored pictures that match; old predictions stay."""
    selection = Selection(
        since, until, predicted_class, min_confidence, max_confidence, old_version, user_id)
    with connected(url, token, admin=True) as client:
        backfill = client.start_backfill(version, selection, rate)
        if not as_json:
            typer.echo(f"{backfill.model_version} classifies {backfill.total} pictures: "
                       f"imgclass backfill show {backfill.backfill_id}")
        if wait:
            with progress(backfill) as update:
                backfill = client.wait_for_backfill(backfill.backfill_id, update)
    if as_json:
        output.print_json(backfill)
    elif wait:
        typer.echo(_summary(backfill))
    if wait and backfill.state != "done":
        output.fail(f"the backfill is {backfill.state}: {backfill.problem or 'by request'}")


@app.command()
def show(
    backfill_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Show how far a backfill is, and which pictures it could not classify."""
    with connected(url, token, admin=True) as client:
        backfill = client.backfill(backfill_id)
    if as_json:
        output.print_json(backfill)
        return
    output.print_fields(_facts(backfill))


@app.command("list")
def list_backfills(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """List the newest backfills."""
    with connected(url, token, admin=True) as client:
        backfills = client.backfills()
    if as_json:
        output.print_json(backfills)
        return
    columns = "created", "state", "model", "total", "classified", "failed", "backfill"
    with output.Rows(*columns, numbers=("total", "classified", "failed")) as rows:
        for each in backfills:
            rows.add(
                output.when(each.created_at), each.state, each.model_version, str(each.total),
                str(each.classified), str(each.failed), str(each.backfill_id))


@app.command()
def cancel(
    backfill_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """End a backfill; the predictions it has made stay."""
    with connected(url, token, admin=True) as client:
        backfill = client.cancel_backfill(backfill_id)
    if as_json:
        output.print_json(backfill)
    else:
        typer.echo(_summary(backfill))


@contextmanager
def progress(backfill: Backfill) -> Iterator[Callable[[Backfill], None]]:
    """A progress bar, if stderr is a terminal; yields a way to move it on."""
    if not sys.stderr.isatty():
        yield lambda seen: None
        return
    with output.progress_bar() as bar:
        task = bar.add_task("classifying", total=backfill.total)
        yield lambda seen: bar.update(
            task, completed=seen.finished, total=seen.total,
            description=output.printable(seen.problem or "classifying"))


def _summary(backfill: Backfill) -> str:
    return (f"{backfill.state}: {backfill.classified} of {backfill.total} pictures classified, "
            f"{backfill.failed} failed")


def _facts(backfill: Backfill) -> Iterator[tuple[str, str]]:
    yield "backfill", str(backfill.backfill_id)
    yield "model", backfill.model_version
    yield "state", backfill.state
    if backfill.problem:
        yield "problem", backfill.problem
    yield "total", str(backfill.total)
    yield "classified", str(backfill.classified)
    yield "failed", str(backfill.failed)
    yield "pictures a second", f"{backfill.pictures_per_second:g}"
    for name, value in backfill.filter.items():
        yield f"only {name}", str(value)
    yield "created", output.when(backfill.created_at)
    if backfill.finished_at:
        yield "finished", output.when(backfill.finished_at)
    for each in backfill.failures:
        yield f"failed {each.image_id}", each.reason
