"""One start or stop at a time."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.lock import exclusive


def test_second_holder_is_refused(tmp_path: Path) -> None:
    """While one holds the lock, another is told at once who does; afterwards it is free."""
    path = tmp_path / "lock"
    with exclusive(path):
        with pytest.raises(StackError, match=rf"\(process {os.getpid()}\): wait"):
            with exclusive(path):
                pass
    with exclusive(path):
        pass


def test_lock_dies_with_its_holder(tmp_path: Path) -> None:
    """A program that was killed holds nothing."""
    program = (
        "import os, pathlib, sys; from imgclass.embedded.lock import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)")
    path = tmp_path / "lock"
    subprocess.run([sys.executable, "-c", program, str(path)], check=False,
                   cwd=Path(__file__).parents[3])
    assert path.read_text().isdigit()
    with exclusive(path):
        pass


def test_lock_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A folder that is missing is named."""
    with pytest.raises(StackError, match="lock cannot be opened: No such file"):
        with exclusive(tmp_path / "missing" / "lock"):
            pass
