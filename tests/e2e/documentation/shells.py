"""A folder in which the documentation's commands run as they stand, on a running stack."""
from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgclass.embedded.stack import Stack
from tests.documentation import Block
from tests.servers import ROOT

EXAMPLE_ADDRESS = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 120


class Shell:
    """Looks like the root of the repository, where `make up` has started this very stack."""

    def __init__(
        self, stack: Stack, folder: Path, variables: Mapping[str, str],
        ids: Mapping[str, str] | None = None,
    ) -> None:
        """`variables` are the reader's; `ids` stand where the pages have NAMES."""
        self.folder = folder
        self._stack = stack
        self._variables = variables
        self._ids = ids or {}
        for name in ("examples", "deploy", "sql", "common", "imgclass", "functions", "Makefile"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "var").symlink_to(stack.var)
        shutil.copytree(ROOT / "examples/pictures", folder / "holiday")
        programs = folder / ".venv/bin"
        programs.mkdir(parents=True)
        _write(programs / "python", f'exec "{sys.executable}" "$@"')
        _write(programs / "imgclass",
               f'exec "{sys.executable}" -c "from imgclass.cli.main import app; app()" "$@"')
        _write(programs / "activate", f'PATH="{programs}:$PATH"', executable=False)
        self._path = f"{programs}:/usr/bin:/bin"

    def run(self, blocks: Sequence[Block]) -> list[str]:
        """Run blocks one after another in one shell, which says y to all it is asked; what
        each printed.

        Raises AssertionError that names the block which failed.
        """
        script = "\n".join(
            f"echo '# {each}' >&2; printf '\\0'\n{self._filled_in(each)}" for each in blocks)
        done = subprocess.run(
            ["bash", "-c", 'exec bash -euo pipefail -c "$0" < <(yes)', script], cwd=self.folder,
            env=self._environment(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        assert done.returncode == 0, f"{done.stderr}{done.stdout}"
        return done.stdout.split("\0")[1:]

    def _environment(self) -> dict[str, str]:
        return {"PATH": self._path, "IMGCLASS_VAR": str(self._stack.var), "LANG": "C.UTF-8",
                "HOME": str(self.folder), "PYTHONPATH": str(ROOT), **self._variables}

    def _filled_in(self, block: Block) -> str:
        """The commands with this stack's address, and values in the place of NAMES."""
        text = block.text.replace(EXAMPLE_ADDRESS, self._stack.gateway.url)
        for name, value in self._ids.items():
            text = re.sub(rf"(?<![\w$]){name}\b(?!=)", value, text)
        return text


def _write(path: Path, line: str, executable: bool = True) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755 if executable else 0o644)
