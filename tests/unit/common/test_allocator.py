"""What the C library is told about memory."""
from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import ROOT

CODE = """
import threading
from common.allocator import give_back_freed_memory
give_back_freed_memory()
made = threading.Barrier(9)
def take():
    blocks = [bytearray(100_000) for _ in range(10)]
    made.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
made.wait()
for thread in threads: thread.join()
import ctypes
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_few_arenas() -> None:
    """Threads share two arenas, however many there are."""
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, check=True, timeout=60,
                          stderr=subprocess.PIPE, text=True)
    assert done.stderr.count("Arena ") <= 2
