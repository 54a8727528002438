"""What the processes of a stack hold over time: memory and file descriptors."""
from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import NamedTuple

import psutil

from imgclass.embedded import postgres
from imgclass.embedded.stack import NAMES, Stack

SAMPLE_SECONDS = 5.0
# What a process does at first says nothing of how it goes on.
WARM_SHARE = 1 / 3


def cpu_seconds(process: psutil.Process) -> float:
    """What a process, with the children it has or had, has used of the CPU."""
    own, children = process.cpu_times(), process.children(recursive=True)
    return float(own.user + own.system + own.children_user + own.children_system) + sum(
        each.cpu_times().user + each.cpu_times().system for each in children)


class Sample(NamedTuple):
    """A process with its children at a moment, in seconds since the epoch."""

    at: float
    pid: int
    memory_mib: float
    descriptors: int


class Footprint(NamedTuple):
    """How a process went on while it was left alone, without the first third of that time.

    What it held first and last is the median of the first and of the last quarter.
    """

    seconds: float
    memory_first_mib: float
    memory_last_mib: float
    mib_per_hour: float
    descriptors_first: float
    descriptors_last: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Footprint | None:
        """None where too little was seen."""
        lives = [[*life] for _, life in groupby(samples, key=lambda sample: sample.pid)]
        longest = max(lives, key=len, default=[])
        watched = longest[int(len(longest) * WARM_SHARE):]
        quarter = len(watched) // 4
        if not quarter:
            return None
        first, last = watched[:quarter], watched[-quarter:]
        slope, _ = statistics.linear_regression(
            [each.at for each in watched], [each.memory_mib for each in watched])
        return cls(
            watched[-1].at - watched[0].at,
            statistics.median(each.memory_mib for each in first),
            statistics.median(each.memory_mib for each in last),
            slope * 3600,
            statistics.median(each.descriptors for each in first),
            statistics.median(each.descriptors for each in last))


class Watch:
    """Looks at every process of a stack every few seconds."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self.samples: dict[str, list[Sample]] = {name: [] for name in NAMES}

    @contextmanager
    def running(self) -> Iterator[Watch]:
        """Look until the end of the block."""
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def footprints(self) -> dict[str, Footprint]:
        """How each process went on."""
        found = {name: Footprint.of(samples) for name, samples in self.samples.items()}
        return {name: each for name, each in found.items() if each is not None}

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            for name, samples in self.samples.items():
                process = self._stack.processes.running(name)
                if process is not None:
                    # It may end at any moment.
                    with suppress(psutil.NoSuchProcess):
                        samples.append(_sample(name, process))


def _sample(name: str, process: psutil.Process) -> Sample:
    family = [process, *process.children(recursive=True)]
    memory = descriptors = 0
    for each in family:
        info = each.memory_info()
        # Postgres' processes share buffers, which fill up to a size that is set.
        memory += info.rss - (info.shared if name == postgres.NAME else 0)
        descriptors += each.num_fds()
    return Sample(time.time(), process.pid, memory / 2**20, descriptors)
