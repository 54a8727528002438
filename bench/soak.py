"""Mixed load for minutes, with swaps, uploads and restarts: `make soak`.

Starts a stack of its own, stops and kills its parts one after the other during the first half,
leaves it alone during the second, and says what failed without a reason, and what grew.
"""
from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from bench import second_model
from bench.footprint import Footprint, Watch
from bench.load import Target
from bench.mixed_load import MixedLoad, Outcome
from bench.outcome import Verdict, keep, verdict_lines
from bench.restarts import RECOVERY_SECONDS, SCHEDULE, Outage, restart
from bench.stacks import (
    ADMIN, BUCKET, EMAIL, PICTURES, default_archive, running_stack, store_of, token_of)
from imgclass.client import Client, ClientError
from imgclass.embedded.errors import StackError
from imgclass.embedded.stack import Stack
from imgclass.tokens import user_id

SECOND = "second"

DEFAULT_MINUTES = 15.0
RESTART_SHARE = 0.5
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 1.0
# Uploads nobody announced, because predict was away, are looked for this often.
SWEEP_SECONDS = "5"
# Of what a process holds: noise of the allocator, connections that come and go, and the tables
# that each of Postgres' processes keeps open once it has touched them.
MAX_GROWTH = 0.05
MAX_MORE_DESCRIPTORS = 5


@dataclass(frozen=True)
class Result:
    """Everything measured; `classified` of the uploads that were acknowledged as `put`."""

    minutes: float
    cores: int
    outcomes: dict[str, dict[str, int]]
    explained: dict[str, int]
    unexplained: list[Outcome]
    outages: list[Outage]
    footprints: dict[str, Footprint]
    put: int
    classified: int
    complete: bool

    def verdicts(self) -> Iterator[Verdict]:
        """Each target with its figure and whether it is met."""
        yield Verdict("failures without a reason: 0", str(len(self.unexplained)),
                      not self.unexplained)
        missing = self.put - self.classified
        yield Verdict("uploads not classified: 0; every object accounted for", str(missing),
                      not missing and self.complete)
        growth = {name: each.memory_last_mib / each.memory_first_mib - 1
                  for name, each in self.footprints.items()}
        worst = max(growth, key=lambda name: growth[name])
        yield Verdict(f"growth of memory: <= {MAX_GROWTH:.0%}",
                      f"{growth[worst]:+.1%} ({worst})", growth[worst] <= MAX_GROWTH)
        more = {name: each.descriptors_last - each.descriptors_first
                for name, each in self.footprints.items()}
        most = max(more, key=lambda name: more[name])
        yield Verdict(
            f"more file descriptors: <= {MAX_MORE_DESCRIPTORS}, or {MAX_GROWTH:.0%}",
            f"{more[most]:+g} ({most})", all(
                more[name] <= max(MAX_MORE_DESCRIPTORS, MAX_GROWTH * each.descriptors_first)
                for name, each in self.footprints.items()))


def soak(stack: Stack, load: MixedLoad, minutes: float) -> tuple[list[Outage], Watch]:
    """Load for so many minutes, with restarts during the first half."""
    outages: list[Outage] = []
    watch = Watch(stack)
    began = time.monotonic()
    interval = minutes * 60 * RESTART_SHARE / len(SCHEDULE)
    with watch.running(), load.running():
        for number, (part, how) in enumerate(SCHEDULE, 1):
            _sleep_until(began + interval * number)
            outages.append(restart(stack, part, how))
        _sleep_until(began + minutes * 60)
    return outages, watch


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def measure(minutes: float) -> Result:
    """Raises StackError, ClientError or TimeoutError if there is nothing to measure."""
    with (tempfile.TemporaryDirectory() as folder,
          running_stack(Path(folder), passed_on={"SWEEP_SECONDS": SWEEP_SECONDS}) as stack):
        token = token_of(stack, ADMIN, admin=True)
        with Client(stack.gateway.url, token) as admin:
            first = second_model.register(
                admin, default_archive(), SECOND, Path(folder) / "second.zip")
            return _measure(stack, admin, token, (SECOND, first), minutes)


def _measure(
    stack: Stack, admin: Client, token: str, versions: tuple[str, str], minutes: float
) -> Result:
    url = stack.gateway.url
    target = Target(url, token_of(stack, EMAIL), str(user_id(EMAIL)), PICTURES)
    with httpx.Client(
            base_url=url, trust_env=False, timeout=30,
            headers={"Authorization": f"Bearer {token}"}) as swapping, target.client() as user:
        target.classify(user, PICTURES[0])  # a user is known once one has sent a picture
        load = MixedLoad(target, swapping, store_of(stack), BUCKET, versions)
        outages, watch = soak(stack, load, minutes)
    classified = _wait_for(admin, load.uploaded)
    failed = [each for each in load.outcomes if each.failed]
    unexplained = [each for each in failed if not any(
        outage.explains(each.began, each.ended) for outage in outages)]
    return Result(
        minutes, len(os.sched_getaffinity(0)), _by_status(load.outcomes),
        dict(Counter(each.kind for each in failed) - Counter(each.kind for each in unexplained)),
        unexplained, outages, watch.footprints(), len(load.uploaded), classified,
        admin.completeness().complete)


def _wait_for(admin: Client, keys: set[str]) -> int:
    """How many of the uploads are classified, once all are or patience is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = {event.object_key for event in admin.events(state="done")} & keys
        if done == keys or time.monotonic() > deadline:
            return len(done)
        time.sleep(POLL_SECONDS)


def _by_status(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for each in outcomes:
        counts.setdefault(each.kind, Counter())[each.status] += 1
    return {kind: dict(sorted(found.items())) for kind, found in sorted(counts.items())}


def table(result: Result) -> str:
    """The figures as Markdown tables."""
    outages = result.outages
    longest = max((each.ended - each.began for each in outages), default=0.0)
    lines = [
        f"{result.minutes:g} minutes on {result.cores} cores, {len(outages)} restarts, of which "
        f"the longest took {longest:.1f} s until everything was up; a failure has a reason until "
        f"{RECOVERY_SECONDS:g} s after that", "",
        "| requests | answers | failed in a restart | failed without a reason |",
        "|---|---|--:|--:|"]
    without = Counter(each.kind for each in result.unexplained)
    for kind, statuses in result.outcomes.items():
        answers = ", ".join(f"{status}: {count}" for status, count in statuses.items())
        lines.append(f"| {kind} | {answers} | {result.explained.get(kind, 0)} "
                     f"| {without[kind]} |")
    lines += [
        "", "| process | watched s | MiB first | last | MiB/hour | descriptors first | last |",
        "|---|--:|--:|--:|--:|--:|--:|"]
    for name, each in result.footprints.items():
        lines.append(
            f"| {name} | {each.seconds:.0f} | {each.memory_first_mib:.1f} "
            f"| {each.memory_last_mib:.1f} | {each.mib_per_hour:+.1f} "
            f"| {each.descriptors_first:g} | {each.descriptors_last:g} |")
    lines += ["", f"{result.put} uploads acknowledged, {result.classified} of them classified", ""]
    return "\n".join([*lines, *verdict_lines(result.verdicts())])


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MINUTES
    try:
        result = measure(minutes)
    except (StackError, ClientError, TimeoutError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    print(table(result))
    verdicts = {each.target: each.met for each in result.verdicts()}
    keep("soak", {**asdict(result), "targets_met": verdicts})
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
