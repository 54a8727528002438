"""The command line, run in this process."""
from __future__ import annotations

from collections.abc import Callable

from typer.testing import CliRunner, Result

from imgclass.cli.main import app

Run = Callable[..., Result]


def run(*arguments: object) -> Result:
    """Run `imgclass` with these arguments; the result has its output and its exit code."""
    return CliRunner().invoke(app, [str(each) for each in arguments])
