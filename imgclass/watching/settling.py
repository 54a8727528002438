"""Which pictures lie in a folder, and which of them nobody is still writing."""
from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from imgclass.pictures import SUFFIXES
from imgclass.watching.memory import Stamp


def pictures(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """The name, from the folder on, and the stamp of each picture at any depth, in order.

    Hidden files and folders are left out: that is where programs write before they rename. What
    cannot be read, or is gone meanwhile, is not there.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or os.path.splitext(name)[1].lower() not in SUFFIXES:
                continue
            path = os.path.join(place, name)
            try:
                found = os.stat(path)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode) and found.st_size:
                yield os.path.relpath(path, folder), Stamp.of(found)


class Settling:
    """Knows since when each file has been as it is."""

    def __init__(self, quiet_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet_seconds, self._clock = quiet_seconds, clock
        self._since: dict[str, tuple[Stamp, float]] = {}

    def settled(self, name: str, stamp: Stamp) -> bool:
        """Whether the file has not changed for so long that it is taken to be complete."""
        known, since = self._since.get(name, (None, 0.0))
        if known != stamp:
            since = self._clock()
            self._since[name] = stamp, since
        return self._clock() - since >= self._quiet_seconds

    def forget(self, name: str) -> None:
        """The file is dealt with."""
        self._since.pop(name, None)
