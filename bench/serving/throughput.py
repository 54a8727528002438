"""How many pictures a second, how soon each, and for how much of the CPU."""
from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.outcome import percentile
from bench.serving.clients import Answered, Volley
from bench.serving.systems import ROOT, System

WARM_SECONDS = 0.5


@dataclass(frozen=True)
class Figures:
    """One measurement: requests per second, latencies and CPU per request in milliseconds."""

    system: str
    picture: str
    clients: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int
    cpu_ms: dict[str, float]
    client_cpu_ms: float


def measure(system: System, picture: str, data: bytes, clients: int, seconds: float) -> Figures:
    """Send the picture with so many clients, after a warm-up."""
    request = system.request(data)
    Volley(request, clients, WARM_SECONDS).fire()
    before = system.cpu_seconds()
    volley = Volley(request, clients, seconds).fire()
    after = system.cpu_seconds()
    good = [each for each in volley.answers if each.status == 200]
    count = max(1, len(good))
    took = max(each.ended for each in volley.answers) - min(
        each.began for each in volley.answers)
    return Figures(
        system.name, picture, clients, len(good) / took, latency_ms(good, 0.5),
        latency_ms(good, 0.95), latency_ms(good, 0.99), len(volley.answers) - len(good),
        {name: 1000 * (after[name] - before[name]) / count for name in after},
        1000 * volley.cpu_seconds / count)


def measure_bare(
    manifest: Path, twin: Path, picture: str, file: Path, cores: int, seconds: float,
) -> Figures:
    """The bare loop on all cores, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.serving.bare", str(manifest), str(twin), str(file),
         str(seconds)], cwd=ROOT, env={"PATH": os.defpath}, check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    found = json.loads(done.stdout)
    each_ms = 1000 * found["seconds"] * cores / found["pictures"]
    return Figures(
        "bare loop", picture, cores, found["pictures"] / found["seconds"], each_ms, each_ms,
        each_ms, 0, {"loop": 1000 * found["cpu_seconds"] / found["pictures"]}, 0.0)


def latency_ms(answers: Sequence[Answered], share: float) -> float:
    """The latency, in milliseconds, that `share` of the answers do not exceed; 0 without any."""
    return 1000 * percentile([each.ended - each.began for each in answers], share)


def median(rounds: Sequence[Figures]) -> Figures:
    """What is in the middle of several rounds, figure by figure; errors are added up."""
    def middle(values: Sequence[float]) -> float:
        return statistics.median(values)

    first = rounds[0]
    return Figures(
        first.system, first.picture, first.clients,
        middle([each.per_second for each in rounds]), middle([each.p50_ms for each in rounds]),
        middle([each.p95_ms for each in rounds]), middle([each.p99_ms for each in rounds]),
        sum(each.errors for each in rounds),
        {name: middle([each.cpu_ms[name] for each in rounds]) for name in first.cpu_ms},
        middle([each.client_cpu_ms for each in rounds]))


def spread(rounds: Sequence[Figures]) -> float:
    """How far apart the rounds are: (fastest - slowest) / median of requests per second."""
    rates = [each.per_second for each in rounds]
    return (max(rates) - min(rates)) / statistics.median(rates)
