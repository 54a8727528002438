"""What 50 swaps of the active model do to a steady load: `make bench-swaps`.

Starts a stack of its own, measures latency without swaps and with them, checks every answer
against the known answers of the two models, and watches the memory of predict.
"""
from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import second_model
from bench.load import Answer, Load, Sample, Target, latency_ms
from bench.outcome import Verdict, keep, verdict_lines
from bench.stacks import ADMIN, EMAIL, PICTURES, default_archive, running_stack, token_of
from imgclass.client import Client, ClientError
from imgclass.embedded.errors import StackError
from imgclass.embedded.functions import PREDICT
from imgclass.embedded.stack import Stack
from imgclass.tokens import user_id

SECOND = "second"

SWAPS, EARLY_SWAPS = 50, 5
CLIENTS = 2
LOAD_SHARE = 0.5
CAPACITY_SECONDS, STEADY_SECONDS, PAUSE_SECONDS = 10, 60, 1.5
PATIENCE_SECONDS = 60
MAX_P99_RATIO, MAX_MEMORY_RATIO = 3.0, 1.1

Known = dict[tuple[str, str], Answer]


@dataclass(frozen=True)
class Window:
    """One swap: from the request to activate until a new request meets the new model."""

    began: float
    ended: float

    def touches(self, sample: Sample) -> bool:
        """Whether the request was under way at any moment of the swap."""
        return sample.due <= self.ended and sample.ended >= self.began


@dataclass(frozen=True)
class Phase:
    """Figures of one set of requests; latencies in milliseconds."""

    requests: int
    failed: int
    inconsistent: int
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, samples: list[Sample], known: Known) -> Phase:
        answered = [each for each in samples if each.answer is not None]
        wrong = [each for each in answered
                 if each.answer and each.answer != known.get((each.answer.version, each.picture))]
        return cls(len(samples), len(samples) - len(answered), len(wrong),
                   round(latency_ms(samples, .5), 1), round(latency_ms(samples, .99), 1))


@dataclass(frozen=True)
class Result:
    """Everything measured; memory is resident, in MiB, of predict with its children."""

    cores: int
    requests_per_second: float
    capacity_per_second: float
    steady: Phase
    swapping: Phase
    within_swaps: Phase
    between_swaps: Phase
    swap_p50_ms: float
    swap_max_ms: float
    memory_mib: list[float]

    @property
    def p99_ratio(self) -> float:
        return self.within_swaps.p99_ms / self.steady.p99_ms

    @property
    def memory_ratio(self) -> float:
        return self.memory_mib[SWAPS] / self.memory_mib[EARLY_SWAPS]

    def verdicts(self) -> list[Verdict]:
        """Each target with its figure and whether it is met."""
        phases = (self.steady, self.swapping)
        failed = sum(each.failed for each in phases)
        wrong = sum(each.inconsistent for each in phases)
        return [
            Verdict("failed requests: 0", str(failed), failed == 0),
            Verdict("answers of neither model: 0", str(wrong), wrong == 0),
            Verdict(f"p99 within swaps / without: <= {MAX_P99_RATIO:g}", f"{self.p99_ratio:.2f}",
                    self.p99_ratio <= MAX_P99_RATIO),
            Verdict(
                f"memory after {SWAPS} swaps / after {EARLY_SWAPS}: <= {MAX_MEMORY_RATIO:g}",
                f"{self.memory_ratio:.2f}", self.memory_ratio <= MAX_MEMORY_RATIO),
        ]


class Bench:
    """The measurement on a running stack."""

    def __init__(self, stack: Stack, admin: Client, target: Target) -> None:
        self._stack = stack
        self._admin = admin
        self._target = target

    def run(self, first: str) -> Result:
        known = self._known((SECOND, first))  # the first one answers in the end
        capacity = self._capacity()
        rate = capacity * LOAD_SHARE
        steady = self._load(rate)
        with steady.running():
            time.sleep(STEADY_SECONDS)
        memory = [self._memory()]
        windows: list[Window] = []
        swapping = self._load(rate)
        with swapping.running():
            for number in range(SWAPS):
                windows.append(self._swap(swapping, (SECOND, first)[number % 2]))
                time.sleep(PAUSE_SECONDS)
                memory.append(self._memory())
        within: list[Sample] = []
        between: list[Sample] = []
        for sample in swapping.samples:
            touched = any(window.touches(sample) for window in windows)
            (within if touched else between).append(sample)
        lengths = sorted(1000 * (window.ended - window.began) for window in windows)
        return Result(
            len(os.sched_getaffinity(0)), round(rate, 1), round(capacity, 1),
            Phase.of(steady.samples, known), Phase.of(swapping.samples, known),
            Phase.of(within, known), Phase.of(between, known),
            round(lengths[len(lengths) // 2]), round(lengths[-1]),
            [round(each, 1) for each in memory])

    def _known(self, versions: tuple[str, str]) -> Known:
        """What each version says of each picture when nothing else happens."""
        known: Known = {}
        for version in versions:
            self._swap(self._load(0), version, idle=True)
            with self._target.client() as client:
                for picture in PICTURES:
                    answer = self._target.classify(client, picture)
                    if answer is None or answer.version != version:
                        raise StackError(f"{version} does not answer to {picture.name}")
                    known[version, picture.name] = answer
        return known

    def _capacity(self) -> float:
        """Requests per second when every client sends as fast as it can."""
        load = self._load(0)
        with load.running():
            time.sleep(CAPACITY_SECONDS)
        return len(load.samples) / CAPACITY_SECONDS

    def _load(self, rate: float) -> Load:
        return Load(self._target, CLIENTS, CLIENTS / rate if rate else 0)

    def _swap(self, load: Load, version: str, idle: bool = False) -> Window:
        if idle:
            with load.running():
                return self._swap(load, version)
        began = time.perf_counter()
        self._admin.activate_model(version)
        return Window(began, load.wait_for(version, began, PATIENCE_SECONDS))

    def _memory(self) -> float:
        usage = self._stack.status()[PREDICT]
        if usage is None:
            raise StackError("predict does not run any more")
        return usage.memory_bytes / 2**20


def measure() -> Result:
    """Raises StackError, ClientError or TimeoutError if there is nothing to measure."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        target = Target(
            stack.gateway.url, token_of(stack, EMAIL), str(user_id(EMAIL)), PICTURES)
        with Client(stack.gateway.url, token_of(stack, ADMIN, admin=True)) as admin:
            first = second_model.register(
                admin, default_archive(), SECOND, Path(folder) / "second.zip")
            return Bench(stack, admin, target).run(first)


def table(result: Result) -> str:
    """The figures as two Markdown tables."""
    lines = [
        f"{result.cores} cores, {CLIENTS} clients, {result.requests_per_second:g} requests/s of "
        f"{result.capacity_per_second:g} possible, {SWAPS} swaps "
        f"(median {result.swap_p50_ms:g} ms, longest {result.swap_max_ms:g} ms)", "",
        "| | requests | failed | of neither model | p50 ms | p99 ms |",
        "|---|--:|--:|--:|--:|--:|"]
    for name, phase in (("without swaps", result.steady), ("with swaps", result.swapping),
                        ("of these, during one", result.within_swaps),
                        ("of these, between them", result.between_swaps)):
        lines.append(f"| {name} | {phase.requests} | {phase.failed} | {phase.inconsistent} "
                     f"| {phase.p50_ms:.1f} | {phase.p99_ms:.1f} |")
    memory = result.memory_mib
    lines += ["", f"predict's memory: {memory[0]:.0f} MiB before, {memory[EARLY_SWAPS]:.0f} after "
              f"{EARLY_SWAPS} swaps, {memory[SWAPS]:.0f} after {SWAPS}", ""]
    return "\n".join([*lines, *verdict_lines(result.verdicts())])


def main() -> int:
    try:
        result = measure()
    except (StackError, ClientError, TimeoutError) as error:
        print(f"bench-swaps: {error}", file=sys.stderr)
        return 1
    print(table(result))
    verdicts = {each.target: each.met for each in result.verdicts()}
    keep("swaps", {**asdict(result), "targets_met": verdicts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
