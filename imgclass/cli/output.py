"""What commands print: tables on a terminal, tab-separated lines on a pipe, JSON on request."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from imgclass.cli.exits import Exit

if TYPE_CHECKING:
    from rich.progress import Progress

# rich is imported where it is used: it would double the time `imgclass --help` takes.

Item = TypeVar("Item")


def complain(message: str) -> None:
    """Say what went wrong, in one line on stderr."""
    typer.echo(f"imgclass: {printable(message)}", err=True)


def fail(message: str, code: int = Exit.FAILED) -> NoReturn:
    """Say what went wrong and leave with `code`."""
    complain(message)
    raise typer.Exit(code)


def confirm(question: str, refusal: str) -> None:
    """Ask on stderr; unless the answer is yes, end the command and say what became of it."""
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        fail(f"{refusal}: answer y, or give --yes")


def printable(text: str) -> str:
    """The text with line breaks, control characters and broken code points shown, not sent."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def confidence(score: float) -> str:
    return f"{score:.4f}"


def when(instant: datetime) -> str:
    """Local time to read on a terminal, ISO 8601 with its offset elsewhere."""
    if sys.stdout.isatty():
        return f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"
    return instant.isoformat(timespec="seconds")


def print_json(value: object) -> None:
    """Print a value as JSON; results are objects with the names of their fields."""
    typer.echo(json.dumps(value, indent=2, default=_jsonable))


def print_json_line(value: object) -> None:
    """Print a value as one line of JSON, at once, for those who read along."""
    typer.echo(json.dumps(value, default=_jsonable))


def print_json_list(values: Iterable[object]) -> None:
    """Print values as one JSON list, each as soon as it comes."""
    separator = "["
    for value in values:
        typer.echo(f"{separator}\n{json.dumps(value, default=_jsonable)}", nl=False)
        separator = ","
    typer.echo("[]" if separator == "[" else "\n]")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items, so many at a time."""
    rest = iter(items)
    while some := [*islice(rest, size)]:
        yield some


def _jsonable(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Rows:
    """Rows for stdout: one table at the end on a terminal, each a line at once on a pipe."""

    def __init__(self, *columns: str, numbers: Iterable[str] = ()) -> None:
        """`numbers` names the columns to align on the right."""
        self.caption = ""
        self._columns = columns
        self._numbers = frozenset(numbers)
        self._kept: list[tuple[tuple[str, ...], str]] = []

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *raised: object) -> None:
        """Show what there is, also when something failed on the way."""
        if self._kept:
            self._draw()
        elif self.caption and sys.stdout.isatty():
            typer.echo(self.caption)

    def add(self, *cells: str, style: str = "") -> None:
        """A row; `style` is its colour on a terminal that has any, unless NO_COLOR is set."""
        cells = tuple(map(printable, cells))
        if sys.stdout.isatty():
            self._kept.append((cells, style))
        else:
            typer.echo("\t".join(cells))

    def _draw(self) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, caption=self.caption, caption_justify="left")
        for column in self._columns:
            justify = "right" if column in self._numbers else "left"
            table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for cells, style in self._kept:
            # As Text, a name such as "[red]" stays a name.
            table.add_row(*map(Text, cells), style=style)
        Console().print(table)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print all that is known of one thing, a row for each name and its value."""
    with Rows("field", "value") as rows:
        for name, value in fields:
            rows.add(name, value)


@contextmanager
def progress(items: Iterable[Item], text: str, total: int) -> Iterator[Iterable[Item]]:
    """The items behind a progress bar, if there are several and stderr is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield items
        return
    with progress_bar() as bar:
        yield bar.track(items, total, description=text)


def progress_bar() -> Progress:
    """A bar on stderr that goes when it is left; it shows how many of how many, and until when."""
    from rich.console import Console
    from rich.progress import (
        BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn)

    # Rows go to stdout as they come: the bar must not draw them into stderr.
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        redirect_stdout=False)


@contextmanager
def spinner(text: str) -> Iterator[Callable[[str], None]]:
    """Show that something is under way, if stderr is a terminal; yields a way to reword it."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(printable(text))) as status:
        yield lambda text: status.update(escape(printable(text)))
