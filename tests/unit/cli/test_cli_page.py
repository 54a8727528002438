"""docs/cli.md, and what holds for every command."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from imgclass.cli.exits import Exit, code_of
from imgclass.errors import (
    ClientError, ConnectionLost, InvalidToken, MissingToken, NoAnswer, ProblemError, StillPending,
    StillValidating, UnexpectedAnswer, Unreachable, UploadRefused)
from tests.command_line import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")


def test_page_lists_every_command() -> None:
    """The page has each command, in order, with the first lines of its help."""
    listed = re.findall(r"^\| `([a-z -]+)` \| (.+) \|$", PAGE, re.M)
    assert listed == [
        (name, " ".join(command.help.split("\n\n")[0].split()))
        for name, command in COMMANDS.items()]


def test_page_lists_every_exit_code() -> None:
    """The page has each code there is."""
    assert re.findall(r"^\| (\d+) \| .+ \|$", PAGE, re.M) == [str(each.value) for each in Exit]


def test_page_s_commands_exist() -> None:
    """What the page tells its reader to type exists, with its options."""
    examples = re.findall(r"^ {4}(?:eval \"\$\()?imgclass ([^\n#>)]+)", PAGE, re.M)
    assert len(examples) >= 9
    for example in examples:
        words = example.split()
        command = COMMANDS[words[0]]
        known = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= known, example


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_json_everywhere(name: str) -> None:
    """Every command can be read by a program."""
    assert any("--json" in each.opts for each in COMMANDS[name].params)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    """Whoever asks for help gets it, for each option and argument."""
    silent = [each.name for each in COMMANDS[name].params
              if not getattr(each, "help", None)]
    assert silent == []


@pytest.mark.parametrize(("error", "code"), [
    (Unreachable(), 3), (NoAnswer(), 3), (ConnectionLost(), 3), (StillPending(), 3),
    (StillValidating(), 3), (InvalidToken(), 4), (MissingToken(), 4), (ClientError(), 1),
    (UnexpectedAnswer(), 1), (UploadRefused(), 1), (ProblemError(400, ""), 1),
    (ProblemError(401, ""), 4), (ProblemError(403, ""), 4), (ProblemError(404, ""), 5),
    (ProblemError(408, ""), 3), (ProblemError(409, ""), 1),
    (ProblemError(409, "", retry_after=1), 3), (ProblemError(415, ""), 1),
    (ProblemError(429, ""), 3), (ProblemError(500, ""), 1), (ProblemError(502, ""), 3),
    (ProblemError(503, ""), 3), (ProblemError(504, ""), 3)], ids=repr)
def test_exit_code_of_errors(error: ClientError, code: int) -> None:
    """Scripts can tell what may pass from what has to be mended."""
    assert code_of(error) == code
