"""The stack on this machine: `up`, `down`, `status` and `clean-data`."""
from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imgclass import settings
from imgclass.cli import output
from imgclass.cli.connection import AsJson
from imgclass.cli.exits import Exit
from imgclass.cli.signals import interrupted_by

if TYPE_CHECKING:
    from imgclass.embedded.process import Usage
    from imgclass.embedded.stack import Running, Stack


def up(as_json: AsJson = False) -> None:
    """Start the stack on this machine and classify a sample picture."""
    with _stack(as_json) as stack:
        running = stack.up()
    if as_json:
        output.print_json(running)
    else:
        _announce(running)


def down(as_json: AsJson = False) -> None:
    """Stop the stack on this machine; its data stays."""
    with _stack(as_json) as stack:
        ran = stack.down()
    if as_json:
        output.print_json({"ran": ran})
    elif not ran:
        typer.echo("nothing was running")


def status(as_json: AsJson = False) -> None:
    """Show the processes of the stack on this machine. Exits with 3 unless all run."""
    with _stack(as_json) as stack:
        usages, addresses = stack.status(), stack.addresses()
    if as_json:
        output.print_json({
            name: usage and {**asdict(usage), "address": addresses.get(name)}
            for name, usage in usages.items()})
    else:
        _list(usages, addresses)
    if None in usages.values():
        raise typer.Exit(Exit.AWAY)
    if not as_json:
        typer.echo(f"\nThe API is at {settings.load().api_url}")


def clean_data(as_json: AsJson = False) -> None:
    """Stop the stack on this machine and remove its data: pictures, predictions and models."""
    with _stack(as_json) as stack:
        stack.clean_data()
    if as_json:
        output.print_json({"removed": True})
    else:
        typer.echo("the data is removed; the next `up` starts with an empty database")


def _list(usages: Mapping[str, Usage | None], addresses: Mapping[str, str]) -> None:
    with output.Rows("process", "address", "pid", "up", "memory") as rows:
        for name, usage in usages.items():
            if usage is None:
                rows.add(name, "-", "-", "stopped", "-")
            else:
                rows.add(name, addresses.get(name, "-"), str(usage.pid),
                         str(timedelta(seconds=int(usage.seconds))),
                         f"{usage.memory_bytes / 1e6:.0f} MB")


@contextmanager
def _stack(quiet: bool) -> Iterator[Stack]:
    """The stack; what keeps it from its work ends the command with one line on stderr.

    If it is `quiet`, so is stdout.
    """
    # Postgres, S3 and HTTP libraries take longer to load than all the rest.
    from imgclass.embedded.errors import StackError
    from imgclass.embedded.report import Report
    from imgclass.embedded.stack import Stack

    try:
        say = partial(typer.echo, err=quiet)
        with interrupted_by(signal.SIGTERM, signal.SIGHUP):
            yield Stack.of(settings.load(), Report(say, spinner=False if quiet else None))
    except (StackError, settings.SettingsError) as error:
        output.fail(str(error))
    except KeyboardInterrupt:
        output.fail("interrupted", Exit.INTERRUPTED)


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
