"""One `up`, `down` or `clean-data` at a time."""
from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgclass.embedded.errors import StackError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file. Raises StackError at once if another process holds it."""
    try:
        file = path.open("a+")
    except OSError as error:
        raise StackError(f"{path} cannot be opened: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StackError(
                "the stack is being started or stopped already "
                f"(process {file.read().strip() or 'unknown'}): wait for that to end") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
