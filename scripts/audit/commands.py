"""How the audit runs other programs."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Finished:
    """A program that has ended: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str = ""

    @property
    def last_line(self) -> str:
        """What it said last, which for most programs is the reason why they failed."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return lines[-1].strip() if lines else "it said nothing"


class Run(Protocol):
    """Runs a program in a folder until it ends."""

    def __call__(self, command: Sequence[str], folder: Path) -> Finished: ...


def run(command: Sequence[str], folder: Path) -> Finished:
    """Run a program, with the tools of this environment first on PATH."""
    tools = Path(sys.executable).parent
    finished = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}"})
    return Finished(finished.returncode, finished.stdout, finished.stderr)


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs an installed tool as a module of this Python."""
    return [sys.executable, "-m", name, *arguments]


def tracked(run: Run, root: Path) -> list[str]:
    """The files of the project: what git tracks, and is still there."""
    listed = run(["git", "ls-files", "-z"], root)
    if listed.status != 0:
        raise OSError(f"git cannot list the files: {listed.last_line}")
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
