"""The command line, run in this process."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.testing import CliRunner, Result

from imgclass.cli.main import app

Run = Callable[..., Result]


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command below a group, under its whole name."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from _leaves(each, (*path, name))
        else:
            yield " ".join((*path, name)), each


# Every command by its whole name, such as `models push`.
COMMANDS: dict[str, Any] = dict(_leaves(typer.main.get_command(app)))


def run(*arguments: object) -> Result:
    """Run `imgclass` with these arguments; the result has its output and its exit code."""
    return CliRunner().invoke(app, [str(each) for each in arguments])
