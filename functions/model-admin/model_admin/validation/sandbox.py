"""What the validating process gives up before it touches a model."""
from __future__ import annotations

import ctypes
import resource

MAX_FILE_BYTES = 4 << 30
MAX_OPEN_FILES = 256
# TensorFlow maps about 4 GB of address space before it computes anything.
MAX_ADDRESS_SPACE_BYTES = 16 << 30

# From linux/sched.h.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def limit_resources(cpu_seconds: int) -> None:
    """Bound CPU time, memory, file size and open files of this process; no core dumps."""
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: MAX_ADDRESS_SPACE_BYTES,
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def leave_network() -> bool:
    """Move this process into a network namespace without a network.

    False where the kernel does not allow it: outside Linux, or in a container whose seccomp
    profile forbids namespaces. Must be called before any thread is started.
    """
    try:
        unshare = ctypes.CDLL(None).unshare
    except (OSError, AttributeError):
        return False
    # The second way needs no privilege, but a kernel that grants user namespaces to everyone.
    return any(unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))
