"""The bare loop, the machine's limit: decode, preprocess, infer, and nothing else.

`python -m bench.serving.bare <manifest.json> <twin.tflite> <picture> <seconds>` runs it on all
cores, warm, and prints JSON: how many pictures, in how many seconds, for how many CPU-seconds.
"""
from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from common.cpu import available_cpus
from common.inference.imaging import open_picture, preprocess
from common.inference.litert import LiteRtEngine
from common.inference.manifest import Manifest

MAX_PIXELS = 40_000_000


def main(manifest_path: str, twin: str, picture: str, seconds: str) -> None:
    manifest = Manifest.from_json(json.loads(Path(manifest_path).read_text(encoding="utf-8")))
    cores, data = available_cpus(), Path(picture).read_bytes()
    engine = LiteRtEngine(Path(twin), cores)
    counts = [0] * cores

    def loop(number: int, until: float) -> None:
        while time.monotonic() < until:
            engine.predict(preprocess(open_picture(data, MAX_PIXELS), manifest))
            counts[number] += 1

    def run(duration: float) -> tuple[float, float]:
        began, cpu = time.monotonic(), time.process_time()
        threads = [threading.Thread(target=loop, args=(number, began + duration))
                   for number in range(cores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - began, time.process_time() - cpu

    run(0.5)
    counts[:] = [0] * cores
    took, cpu = run(float(seconds))
    print(json.dumps({"pictures": sum(counts), "seconds": took, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
