"""The stack on this machine: `up`, `down`, `status` and `clean-data`."""
from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from imgclass import settings
from imgclass.cli import output

if TYPE_CHECKING:
    from imgclass.embedded.stack import Running, Stack

# As the LSB has it for a service that is not running.
NOT_RUNNING = 3


def up() -> None:
    """Start the stack on this machine and classify a sample picture."""
    with _stack() as stack:
        running = stack.up()
    _announce(running)


def down() -> None:
    """Stop the stack on this machine; its data stays."""
    with _stack() as stack:
        if not stack.down():
            typer.echo("nothing was running")


def status() -> None:
    """Show the processes of the stack on this machine. Exits with 3 unless all run."""
    with _stack() as stack:
        usages, addresses = stack.status(), stack.addresses()
    with output.Rows("process", "address", "pid", "up", "memory") as rows:
        for name, usage in usages.items():
            if usage is None:
                rows.add(name, "-", "-", "stopped", "-")
            else:
                rows.add(name, addresses.get(name, "-"), str(usage.pid),
                         str(timedelta(seconds=int(usage.seconds))),
                         f"{usage.memory_bytes / 1e6:.0f} MB")
    if None in usages.values():
        raise typer.Exit(NOT_RUNNING)
    typer.echo(f"\nThe API is at {settings.load().api_url}")


def clean_data() -> None:
    """Stop the stack on this machine and remove its data: pictures, predictions and models."""
    with _stack() as stack:
        stack.clean_data()
    typer.echo("the data is removed; the next `up` starts with an empty database")


@contextmanager
def _stack() -> Iterator[Stack]:
    """The stack; what keeps it from its work ends the command with one line on stderr."""
    # Postgres, S3 and HTTP libraries take longer to load than all the rest.
    from imgclass.embedded.errors import StackError
    from imgclass.embedded.report import Report
    from imgclass.embedded.stack import Stack

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield Stack.of(settings.load(), Report(typer.echo))
    except (StackError, settings.SettingsError) as error:
        output.fail(str(error))
    except KeyboardInterrupt:
        output.fail("interrupted", 130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _announce(running: Running) -> None:
    command = _shown(Path(sys.executable).with_name("imgclass"))
    picture = _shown(running.sample)
    prediction = running.prediction
    typer.echo(f"""
{picture} shows: {prediction.predicted_class} ({prediction.confidence_score:.3f})

console  {running.url}/console/
API      {running.url}/api/v1/predict
health   {running.url}/health
token    {command} token --email {settings.DEVELOPMENT_EMAIL}
try      {command} classify {picture}
stop     make down""")


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))
