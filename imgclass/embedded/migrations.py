"""Bringing the stack's database to the newest schema."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from imgclass.embedded.errors import StackError

TIMEOUT_SECONDS = 120


def migrate(root: Path, environment: Mapping[str, str]) -> None:
    """Run `sql/migrate.py` in a function's environment.

    Raises StackError with its last words.
    """
    try:
        result = subprocess.run(
            [sys.executable, str(root / "sql" / "migrate.py")], env=dict(environment), cwd=root,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise StackError(
            f"the database was not migrated within {TIMEOUT_SECONDS} s: see `imgclass status`"
        ) from None
    if result.returncode != 0:
        lines = result.stdout.strip().splitlines() or ["it said nothing"]
        raise StackError(f"the database cannot be migrated: {lines[-1]}")
