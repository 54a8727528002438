"""`completion`."""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import Run

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_script(run: Run, shell: str) -> None:
    """Each shell gets a script that asks the command itself."""
    result = run("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_IMGCLASS_COMPLETE=complete_{shell}" in result.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_understood(run: Run, shell: str) -> None:
    """The shell itself finds nothing wrong with its script."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-n"], input=run("completion", shell).stdout, text=True, capture_output=True,
        timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes(run: Run, tmp_path: Path) -> None:
    """In bash a word that is begun becomes the commands and options that begin so."""
    program = tmp_path / "imgclass"
    program.write_text(f"#!{sys.executable}\nfrom imgclass.cli.main import app\napp()\n")
    program.chmod(0o755)
    script = run("completion", "bash").stdout + """
        complete_words() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imgclass_completion imgclass
            echo "${COMPREPLY[*]}"
        }
        complete_words imgclass models ro
        complete_words imgclass history --min
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=120,
        cwd=Path(__file__).parents[3],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[3])})
    assert done.stdout.split() == ["rollback", "--min-confidence"], done.stderr


def test_unknown_shell(run: Run) -> None:
    """A shell there is no script for is a usage error."""
    assert run("completion", "csh").exit_code == 2
