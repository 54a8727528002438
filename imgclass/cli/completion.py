"""Shell completion: `completion`."""
from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

PROGRAM = "imgclass"


class Shell(str, Enum):
    """The shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="Which shell it is for.")],
) -> None:
    """Print a script with which a shell completes commands.

    bash: eval "$(imgclass completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, behind
    compinit; fish: imgclass completion fish > ~/.config/fish/completions/imgclass.fish
    """
    # Typer prints the scripts only for the shell it finds itself in.
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    typer.echo(get_completion_script(
        prog_name=PROGRAM, complete_var=f"_{PROGRAM.upper()}_COMPLETE",
        shell=shell.value))  # nosec B604  # the name of one; none is run
