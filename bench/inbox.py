"""Pictures classified per second from the bucket, and from requests by the same process: `make
bench-inbox`.

The two take turns. Requests are sent to predict itself; uploads are put and announced first, and
then worked off, by one call.
"""
from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from bench.footprint import cpu_seconds
from bench.outcome import Verdict, keep, verdict_lines
from bench.stacks import BUCKET, EMAIL, running_stack, store_of, token_of
from bench.uploads import PICTURE
from imgclass.client import ClientError
from imgclass.embedded import secret_files
from imgclass.embedded.errors import StackError
from imgclass.embedded.functions import PREDICT
from imgclass.embedded.stack import Stack
from imgclass.tokens import user_id

ROUNDS, PICTURES, CLIENTS = 5, 200, 4
DRAIN_SECONDS = 50
MIN_SHARE = 0.8
# Nothing works off the inbox until it is told to.
SETTINGS = {"INBOX_WORKER": "false", "SWEEP_SECONDS": "0", "RATE_LIMIT_PREDICT": "off"}


@dataclass(frozen=True)
class Figures:
    """Of one round: pictures per second, and predict's CPU-milliseconds for each."""

    rate: float
    cpu_ms: float


class Bench:
    """The measurement on a running stack, whose inbox waits to be called."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._user = user_id(EMAIL)
        self._store = store_of(stack)
        self._token = token_of(stack, EMAIL)
        self._machine = secret_files.read(stack.layout.secrets, "events-token")
        self._classified = 0
        self._client = httpx.Client(
            base_url=f"http://{stack.addresses()[PREDICT]}", trust_env=False, timeout=120)

    def requests(self) -> Figures:
        """Send all pictures, each by one request."""
        def send(_: int) -> None:
            self._client.post(
                "/api/v1/predict", data={"user_id": str(self._user)},
                files={"file": ("cup.jpg", PICTURE)},
                headers={"Authorization": f"Bearer {self._token}"}).raise_for_status()

        def send_all() -> None:
            with ThreadPoolExecutor(CLIENTS) as threads:
                list(threads.map(send, range(PICTURES)))

        return self._measured(send_all)

    def uploads(self, turn: int) -> Figures:
        """Put all pictures, and then have them worked off."""
        def put(number: int) -> None:
            self._store.put_object(
                Bucket=BUCKET, Key=f"uploads/{self._user}/{turn} {number}.jpg", Body=PICTURE)

        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(put, range(PICTURES)))
        self._call("/events/sweep", days=0)  # for those whose notification is still under way
        wanted = self._classified + PICTURES
        return self._measured(lambda: self._drain(wanted))

    def _drain(self, wanted: int) -> None:
        while self._classified < wanted:
            done = self._call("/events/drain", seconds=DRAIN_SECONDS).get("classified", 0)
            if not done:
                raise TimeoutError("uploads are left that nothing classifies")
            self._classified += done

    def _call(self, path: str, **parameters: int) -> dict[str, int]:
        answer: dict[str, int] = self._client.post(
            path, params=parameters, headers={"Authorization": f"Bearer {self._machine}"},
        ).raise_for_status().json()
        return answer

    def _measured(self, work: Callable[[], None]) -> Figures:
        cpu, began = self._cpu_seconds(), time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        return Figures(PICTURES / seconds, 1000 * (self._cpu_seconds() - cpu) / PICTURES)

    def _cpu_seconds(self) -> float:
        process = self._stack.processes.running(PREDICT)
        if process is None:
            raise StackError("predict does not run")
        return cpu_seconds(process)


def table(requests: list[Figures], uploads: list[Figures]) -> str:
    """The medians, and what the inbox reaches of the rate of requests."""
    lines = [f"{ROUNDS} rounds of {PICTURES} pictures; medians, with the least and the most", "",
             "| | pictures/s | CPU ms each |", "|---|--:|--:|"]
    for name, rounds in (("requests", requests), ("uploads", uploads)):
        lines.append(f"| {name} | {_spread([each.rate for each in rounds])} | "
                     f"{_spread([each.cpu_ms for each in rounds])} |")
    rate, cpu = shares(requests, uploads)
    verdicts = (Verdict(f"{name}: >= {MIN_SHARE}", f"{share:.2f}", share >= MIN_SHARE)
                for name, share in (("pictures/s, uploads / requests", rate),
                                    ("pictures per CPU-second, uploads / requests", cpu)))
    return "\n".join([*lines, "", *verdict_lines(verdicts)])


def shares(requests: list[Figures], uploads: list[Figures]) -> tuple[float, float]:
    """Medians of the rounds' ratios: of pictures per second, and per CPU-second."""
    pairs = list(zip(requests, uploads))
    return (statistics.median(upload.rate / request.rate for request, upload in pairs),
            statistics.median(request.cpu_ms / upload.cpu_ms for request, upload in pairs))


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def main() -> int:
    try:
        with (tempfile.TemporaryDirectory() as folder,
              running_stack(Path(folder), passed_on=SETTINGS) as stack):
            bench = Bench(stack)
            bench.requests()
            bench.uploads(0)
            turns = [(bench.requests(), bench.uploads(1 + turn)) for turn in range(ROUNDS)]
    except (StackError, ClientError, TimeoutError, httpx.HTTPError) as error:
        print(f"bench-inbox: {error}", file=sys.stderr)
        return 1
    requests, uploads = [first for first, _ in turns], [second for _, second in turns]
    print(table(requests, uploads))
    keep("inbox", {
        "requests": [asdict(each) for each in requests],
        "uploads": [asdict(each) for each in uploads], "shares": shares(requests, uploads)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
