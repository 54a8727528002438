"""Files that are mapped into memory."""
from __future__ import annotations

import ctypes
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_MADV_DONTNEED = 4  # of Linux, from asm-generic/mman-common.h


def drop_pages(file: Path, maps: Path = _MAPS) -> int:
    """Give back the memory that holds pages of `file` where it is mapped for reading only.

    What is read again is fetched from the file again, which must not have been overwritten.
    Returns how many bytes are mapped so; 0 where there are no such maps to look into (see
    proc_pid_maps(5)).
    """
    try:
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    name, dropped = str(file.resolve()), 0
    for addresses, mode, _, _, _, *path in (line.split(maxsplit=5) for line in lines):
        if path != [name] or "w" in mode:
            continue
        start, end = (int(each, 16) for each in addresses.split("-"))
        if madvise(start, end - start, _MADV_DONTNEED) == 0:
            dropped += end - start
    return dropped
