"""What it costs to deal with a picture, in a process of its own: `python -m tests.measure_bomb`.

Reads the picture from standard input; prints what became of it, CPU-ms and MB of growth.
"""
from __future__ import annotations

import sys
import time
from pathlib import Path

from common.errors import ImgclassError
from common.inference.imaging import open_picture, preprocess
from tests.manifests import manifest
from tests.pictures import jpeg, png, webp

MAX_PIXELS = 40_000_000


def main() -> None:
    """Deal with small pictures first, so that what is loaded once does not count."""
    for each in (jpeg(), png(), webp()):
        preprocess(open_picture(each, MAX_PIXELS), manifest())
    data = sys.stdin.buffer.read()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, began = peak(), time.process_time()
    try:
        preprocess(open_picture(data, MAX_PIXELS), manifest())
        became = "accepted"
    except ImgclassError as error:
        became = type(error).__name__
    print(became, round((time.process_time() - began) * 1000), (peak() - before) // 1000)


def peak() -> int:
    """The most memory this process has had, in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
