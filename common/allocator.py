"""How the C library keeps memory that was freed."""
from __future__ import annotations

import ctypes

# Parameters of mallopt(3), from malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
ARENAS, MMAP_BYTES, TRIM_BYTES = 2, 1 << 20, 4 << 20


def give_back_freed_memory() -> None:
    """Let a process of many threads keep little of what large pictures took.

    glibc gives every thread an arena of its own and keeps what was freed in it; two arenas cost
    no time here. Other C libraries are left as they are. To be called before there are threads.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((_M_ARENA_MAX, ARENAS), (_M_MMAP_THRESHOLD, MMAP_BYTES),
                                 (_M_TRIM_THRESHOLD, TRIM_BYTES)):
            mallopt(parameter, value)
