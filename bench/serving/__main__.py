"""`make bench`: predict beside the bare loop and a usual server, in turn, on this machine."""
from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.outcome import RESULTS, keep
from bench.serving.clients import Volley
from bench.serving.coldstart import baseline_seconds, predict_seconds
from bench.serving.pictures import write_pictures
from bench.serving.report import LARGE, SMALL, Result, plot, tables
from bench.serving.systems import ROOT, System, running_baseline, running_product
from bench.serving.tail import measure_tail
from bench.serving.throughput import Figures, measure, measure_bare, median, spread
from common.cpu import available_cpus
from imgclass.client import ClientError
from imgclass.embedded.errors import StackError
from imgclass.embedded.stack import Stack

ROUNDS, SECONDS, CLIENTS, COLD_STARTS = 3, 5.0, (1, 4, 16), 5
MIXED_REQUESTS, TAIL_SECONDS = 1000, 10.0
SOURCE = ROOT / "examples" / "pictures" / "coffee.jpg"


def measurements(
    systems: list[System], stack: Stack, model: Path, pictures: dict[str, Path],
) -> list[Callable[[], Figures]]:
    """What a round consists of."""
    twin = max(stack.layout.model_cache.iterdir(), key=lambda path: path.stat().st_size)
    steps: list[Callable[[], Figures]] = []
    for name, file in pictures.items():
        data = file.read_bytes()
        steps.append(lambda name=name, file=file: measure_bare(  # type: ignore[misc]
            model / "manifest.json", twin, name, file, available_cpus(), SECONDS))
        steps += [
            lambda each=each, name=name, data=data, clients=clients: measure(  # type: ignore[misc]
                each, name, data, clients, SECONDS)
            for each in systems for clients in CLIENTS]
    return steps


def run(folder: Path) -> Result:
    """Everything, one after the other. Raises StackError, ClientError or TimeoutError."""
    pictures, model = write_pictures(SOURCE, folder), ROOT / "var/models/efficientnet-lite0"
    small, large = (pictures[name].read_bytes() for name in (SMALL, LARGE))
    with running_product(folder) as (stack, alone, gateway):
        for data, share in ((small, 4), (large, 1)):
            request, sent = alone.request(data), 0
            while sent < MIXED_REQUESTS * share / 5:
                sent += len(Volley(request, 8, 2.0).fire().answers)
        memory = {name: alone.memory_mb(name) for name in alone.processes}
        request = alone.request(small)
        cold = [predict_seconds(stack, request) for _ in range(COLD_STARTS)]
        with running_baseline(model) as baseline:
            cold_baseline = [baseline_seconds(model, baseline.request(small))
                             for _ in range(COLD_STARTS)]
            steps = measurements([alone, gateway, baseline], stack, model, pictures)
            rounds = [[step() for step in steps] for _ in range(ROUNDS)]
            memory |= {"baseline": baseline.memory_mb("baseline")}
        by_step = list(zip(*rounds))
        figures = [median(each) for each in by_step]
        capacity = max(each.per_second for each in figures
                       if (each.system, each.picture) == (alone.name, SMALL))
        return Result(
            available_cpus(), ROUNDS, figures, [spread(each) for each in by_step],
            statistics.median(cold), statistics.median(cold_baseline), memory, MIXED_REQUESTS,
            measure_tail(alone, small, capacity, TAIL_SECONDS))


def main() -> int:
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = run(Path(folder))
    except (StackError, ClientError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = tables(result)
    print(text)
    keep("serving", {**asdict(result), "targets_met": {
        each.target: each.met for each in result.verdicts()}})
    (RESULTS / "serving.md").write_text(text + "\n", encoding="utf-8")
    (RESULTS / "serving.svg").write_text(plot(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
