"""Programs of the project that prepare a server: run to their end, at each start."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from imgclass.embedded.errors import StackError

TIMEOUT_SECONDS = 120


def run(
    root: Path, script: str, environment: Mapping[str, str], failure: str, *options: str
) -> None:
    """Run a script of the checkout `root`.

    Raises StackError that says `failure` and the script's last words.
    """
    try:
        result = subprocess.run(
            [sys.executable, str(root / script), *options], env=dict(environment), cwd=root,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise StackError(
            f"{failure}: {script} did not end within {TIMEOUT_SECONDS} s: see `imgclass status`"
        ) from None
    if result.returncode != 0:
        lines = result.stdout.strip().splitlines() or ["it said nothing"]
        raise StackError(f"{failure}: {lines[-1]}")
