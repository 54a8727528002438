"""What it costs to deal with each bomb: `python -m tests.fuzz.measure_bombs` (Linux).

Prints a line of JSON for each: its name, size in bytes, what became of it, CPU-ms, and by how many
MB the process grew at most.
"""
from __future__ import annotations

import json
import time
from pathlib import Path

from common.errors import ImgclassError
from common.inference.imaging import open_picture, preprocess
from tests.bombs import BOMBS, WITHIN_LIMITS
from tests.manifests import manifest
from tests.pictures import jpeg, png, webp

MAX_PIXELS = 40_000_000


def main() -> None:
    """Deal with small pictures first, so that what is loaded once does not count."""
    for each in (jpeg(), png(), webp()):
        deal_with(each)
    for name, make in {**BOMBS, **WITHIN_LIMITS}.items():
        data = make()
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        before, began = peak_mb(), time.process_time()
        became = deal_with(data)
        ms, mb = (time.process_time() - began) * 1000, peak_mb() - before
        print(json.dumps([name, len(data), became, round(ms), round(mb)]), flush=True)


def deal_with(data: bytes) -> str:
    """Decode a picture; "decoded", or by which error it is refused."""
    try:
        preprocess(open_picture(data, MAX_PIXELS), manifest())
    except ImgclassError as error:
        return type(error).__name__
    return "decoded"


def peak_mb() -> float:
    """The most memory this process has had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
