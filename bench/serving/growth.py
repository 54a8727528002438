"""What a request costs from the first to the hundred-thousandth: `make bench-growth`."""
from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urljoin

from bench.outcome import Verdict, keep, verdict_lines
from bench.serving.clients import Volley
from bench.serving.pictures import write_pictures
from bench.serving.report import SMALL
from bench.serving.systems import ROOT, System, running_product
from imgclass.client import ClientError
from imgclass.embedded.errors import StackError

REQUESTS, CLIENTS, SECONDS = 100_000, 4, 10.0
PARTS = 10
MOST_GROWTH = 1.1
SOURCE = ROOT / "examples" / "pictures" / "coffee.jpg"


@dataclass(frozen=True)
class Stretch:
    """Some seconds of load: requests answered until its end, CPU-milliseconds of one request in
    predict and in PostgreSQL, predict's memory in MB, and the series of its /metrics."""

    requests: int
    predict_ms: float
    postgres_ms: float
    memory_mb: float
    series: int


def measure(system: System, picture: bytes, requests: int) -> list[Stretch]:
    """Send so many, on and on. Raises StackError if one is not answered with 200."""
    request, count, stretches = system.request(picture), 0, list[Stretch]()
    while count < requests:
        before = system.cpu_seconds()
        answers = Volley(request, CLIENTS, SECONDS).fire().answers
        after = system.cpu_seconds()
        if any(each.status != 200 for each in answers):
            raise StackError("predict did not answer")
        count += len(answers)
        cpu_ms = {name: 1000 * (after[name] - before[name]) / len(answers) for name in after}
        stretches.append(Stretch(
            count, cpu_ms["predict"], cpu_ms["postgres"], system.memory_mb("predict"),
            _series(system)))
    return stretches


def _series(system: System) -> int:
    url = urljoin(system.url, "/metrics")
    with urllib.request.urlopen(url, timeout=10) as answer:  # nosec B310  # of http
        return sum(not line.startswith(b"#") for line in answer.read().splitlines())


def parts(stretches: list[Stretch]) -> list[Stretch]:
    """The medians of PARTS parts, one after the other, in figures; of the rest the last."""
    most = stretches[-1].requests
    found = []
    for part in range(PARTS):
        inside = [each for each in stretches
                  if part * most < PARTS * each.requests <= (part + 1) * most]
        if inside:
            found.append(Stretch(
                inside[-1].requests, statistics.median(each.predict_ms for each in inside),
                statistics.median(each.postgres_ms for each in inside), inside[-1].memory_mb,
                inside[-1].series))
    return found


def table(found: list[Stretch]) -> str:
    """The parts, and whether the last costs what the first does."""
    first, last = found[0], found[-1]
    lines = ["| requests | CPU-ms in predict | in PostgreSQL | memory, MB | series |",
             "|--:|--:|--:|--:|--:|"]
    lines += [f"| {each.requests} | {each.predict_ms:.1f} | {each.postgres_ms:.1f} | "
              f"{each.memory_mb:.0f} | {each.series} |" for each in found]
    verdicts = [Verdict(f"{name}, last / first part <= {MOST_GROWTH}", f"{ratio:.2f}",
                        ratio <= MOST_GROWTH)
                for name, ratio in (("CPU", last.predict_ms / first.predict_ms),
                                    ("memory", last.memory_mb / first.memory_mb),
                                    ("series", last.series / first.series))]
    return "\n".join([*lines, "", *verdict_lines(verdicts)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=REQUESTS)
    requests = parser.parse_args().requests
    try:
        with tempfile.TemporaryDirectory() as folder:
            picture = write_pictures(SOURCE, Path(folder))[SMALL].read_bytes()
            with running_product(Path(folder)) as (_, alone, _):
                stretches = measure(alone, picture, requests)
    except (StackError, ClientError, TimeoutError) as error:
        print(f"bench-growth: {error}", file=sys.stderr)
        return 1
    print(table(parts(stretches)))
    keep("growth", [asdict(each) for each in stretches])
    return 0


if __name__ == "__main__":
    sys.exit(main())
