"""A stack whose disk is full for a while."""
from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.report import Report
from tests.chaos.survival import survive
from tests.stacks import running_stack
from tests.waiting import wait_until

SECONDS = 10.0
PATIENCE_SECONDS = 20.0
ROOMY = "3g"


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory, of a size that can be changed."""

    folder: Path

    def fill(self) -> None:
        """Leave no room."""
        wait_until(self._shrink, PATIENCE_SECONDS)

    def make_room(self) -> None:
        """Leave plenty."""
        assert self._resize(ROOMY)

    def _shrink(self) -> bool:
        """It cannot get smaller than what is written meanwhile."""
        return self._resize(str(shutil.disk_usage(self.folder).used))

    def _resize(self, size: str) -> bool:
        return subprocess.run(
            ["mount", "-o", f"remount,size={size}", self.folder], check=False,
            stderr=subprocess.DEVNULL).returncode == 0


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with mounted() as disk:
        yield disk


@contextmanager
def mounted() -> Iterator[SmallDisk]:
    # Not below pytest's folder, which the account of Postgres may not enter.
    with tempfile.TemporaryDirectory() as folder:
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOMY},mode=755", "tmpfs", folder],
            check=False, capture_output=True, text=True)
        if mount.returncode != 0:
            pytest.skip(f"no file system can be mounted: {mount.stderr.strip()}")
        Path(folder).chmod(0o755)
        try:
            yield SmallDisk(Path(folder))
        finally:
            subprocess.run(["umount", folder], check=True)


@pytest.mark.full
def test_disk_full(disk: SmallDisk, report: Report) -> None:
    """A disk without room, below database and object store, costs no acknowledged prediction."""
    with running_stack(disk.folder) as stack:
        def strike() -> float:
            disk.fill()
            time.sleep(SECONDS)
            disk.make_room()
            # Postgres gives up when it cannot write its log.
            stack.up()
            return time.time()

        survive(stack, strike, f"disk full for {SECONDS:g} s", report)
