"""The command itself."""
from __future__ import annotations

import subprocess
import sys

import pytest

from imgclass import __version__
from tests.command_line import Run

HEAVY = ("boto3", "flask", "httpx", "jwt", "psycopg2", "rich", "tensorflow")


def test_version(run: Run) -> None:
    """--version prints name and version."""
    assert run("--version").stdout == f"imgclass {__version__}\n"


def test_help_names_every_command(run: Run) -> None:
    """--help lists what there is."""
    text = run("--help").stdout
    for command in (
        "up", "down", "status", "clean-data", "token", "classify", "upload", "watch", "history",
        "show", "replay", "feedback", "export", "doctor", "completion", "models", "backfill",
        "events"
    ):
        assert f"\n  {command} " in text


@pytest.mark.parametrize("arguments", [("unknown",), ("models", "unknown"), ("--unknown",)])
def test_unknown_command(run: Run, arguments: tuple[str, ...]) -> None:
    """What does not exist is a usage error."""
    assert run(*arguments).exit_code == 2


def test_start_loads_nothing_heavy() -> None:
    """The commands are listed without loading what only some of them need."""
    code = f"import imgclass.cli.main, sys; print([n for n in {HEAVY} if n in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout == "[]\n"
