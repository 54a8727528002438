"""Giving back the memory of mapped files, with the maps of this process."""
from __future__ import annotations

import mmap
import sys
from pathlib import Path

import pytest

from common.inference.mapped_files import drop_pages

SIZE = 64 * mmap.PAGESIZE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of some pages."""
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x" * SIZE)
    return path


def resident(file: Path) -> int:
    """How many bytes of it are in this process' memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(file)):
            kb = next(each for each in lines if each.startswith("Rss:")).split()[1]
            return int(kb) * 1024
    raise AssertionError(f"{file} is not mapped")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc/self/maps")
def test_pages_are_dropped(file: Path) -> None:
    """They are gone from memory, and come back when they are read."""
    with file.open("rb") as opened, mmap.mmap(
            opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == b"x" * SIZE
        assert resident(file) == SIZE
        assert drop_pages(file) == SIZE
        assert resident(file) == 0
        assert mapped[:] == b"x" * SIZE


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc/self/maps")
def test_what_is_left_alone(file: Path, tmp_path: Path) -> None:
    """What was written into a map is kept, and so are other files."""
    other = tmp_path / "other"
    other.write_bytes(b"x" * SIZE)
    with (file.open("rb") as opened, other.open("rb") as second,
          mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as changed,
          mmap.mmap(second.fileno(), 0, access=mmap.ACCESS_READ) as mapped):
        changed[:] = b"y" * SIZE
        assert mapped[:] == b"x" * SIZE
        assert drop_pages(file) == 0
        assert changed[:] == b"y" * SIZE
        assert resident(other) == SIZE


def test_system_without_maps(file: Path, tmp_path: Path) -> None:
    """Elsewhere nothing happens."""
    assert drop_pages(file, maps=tmp_path / "maps") == 0
