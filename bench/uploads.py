"""From a PUT into the bucket to its prediction, and what poison does to it: `make bench-uploads`.

Starts a stack of its own for each way in which a store notifies, puts pictures one by one, and
then one picture behind thousands of objects that are none.
"""
from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bench.outcome import Verdict, keep, verdict_lines
from bench.stacks import BUCKET, EMAIL, PUTTERS, ROOT, running_stack, store_of, token_of
from imgclass import settings
from imgclass.client import Client, ClientError
from imgclass.embedded.errors import StackError
from imgclass.filters import Filters

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PICTURE = (ROOT / "examples" / "pictures" / "coffee.jpg").read_bytes()
PICTURES, POISON = 40, 10_000
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
MAX_MEDIAN, MAX_QUEUED_MEDIAN, MAX_DELAY = 0.5, 3.5, 2.0


@dataclass(frozen=True)
class Way:
    """A way in which a store notifies, and the median it may take, in seconds."""

    name: str
    kind: str
    queued: bool
    target: float


WAYS = (Way("MinIO, no queue", "minio", False, MAX_MEDIAN),
        Way("MinIO, with a queue", "minio", True, MAX_QUEUED_MEDIAN),
        Way("SeaweedFS", "seaweedfs", False, MAX_MEDIAN))


@dataclass(frozen=True)
class Result:
    """Seconds from the end of a PUT until its prediction is in the history; `poisoned` is the
    same behind the poison, None where that was not measured."""

    way: str
    median: float
    longest: float
    target: float
    poisoned: float | None

    def verdicts(self) -> Iterator[Verdict]:
        """Each target with its figure and whether it is met."""
        yield Verdict(f"{self.way}: median <= {self.target:g} s", f"{self.median:.2f} s",
                      self.median <= self.target)
        if self.poisoned is not None:
            delay = self.poisoned - self.median
            yield Verdict(
                f"{self.way}: delay by {POISON} poison objects <= {MAX_DELAY:g} s",
                f"{delay:.2f} s", delay <= MAX_DELAY)


class Bench:
    """The measurement on a running stack."""

    def __init__(self, client: Client, store: S3Client) -> None:
        self._client = client
        self._store = store
        self._count = 0

    def run(self, way: Way, poison: bool) -> Result:
        seconds = [self._put_and_wait() for _ in range(PICTURES)]
        poisoned = None
        if poison:
            with ThreadPoolExecutor(PUTTERS) as threads:
                list(threads.map(self._put_poison, range(POISON)))
            poisoned = self._put_and_wait()
        return Result(way.name, statistics.median(seconds), max(seconds), way.target, poisoned)

    def _put_and_wait(self) -> float:
        self._count += 1
        total = self._total()
        self._put(f"cup {self._count}.jpg", PICTURE)
        began = time.perf_counter()
        while self._total() == total:
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise TimeoutError("a picture was not classified")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - began

    def _total(self) -> int:
        return self._client.predictions(limit=1, filters=Filters(source="bucket")).total

    def _put_poison(self, number: int) -> None:
        self._put(f"poison {number}.jpg", f"poison {number}".encode())

    def _put(self, name: str, data: bytes) -> None:
        self._store.put_object(
            Bucket=BUCKET, Key=f"uploads/{self._client.user_id}/{name}", Body=data)


def measure(way: Way, search_path: str, poison: bool) -> Result:
    """Raises StackError, ClientError or TimeoutError if there is nothing to measure."""
    with (tempfile.TemporaryDirectory() as folder,
          running_stack(
              Path(folder), search_path=search_path, event_queue=way.queued) as stack,
          Client(stack.gateway.url, token_of(stack, EMAIL)) as user):
        user.predict(PICTURE)  # a user is known once one has sent a picture
        return Bench(user, store_of(stack)).run(way, poison)


def _search_path(way: Way, path: str) -> str | None:
    """Where the way's store is found; None if it is not installed.

    The stack prefers MinIO, so the other one is found where there is none.
    """
    folders = [each for each in path.split(os.pathsep) if each]
    with_minio = [each for each in folders if shutil.which("minio", path=each)]
    if way.kind == "minio":
        return path if with_minio else None
    return os.pathsep.join(each for each in folders if each not in with_minio)


def table(results: list[Result]) -> str:
    """The figures as two Markdown tables."""
    lines = [f"{PICTURES} pictures one by one; seconds from the end of the PUT until the "
             "prediction is in the history", "",
             "| | median | longest | behind the poison |", "|---|--:|--:|--:|"]
    for each in results:
        poisoned = "" if each.poisoned is None else f"{each.poisoned:.2f}"
        lines.append(f"| {each.way} | {each.median:.2f} | {each.longest:.2f} | {poisoned} |")
    verdicts = chain.from_iterable(each.verdicts() for each in results)
    return "\n".join([*lines, "", *verdict_lines(verdicts)])


def main() -> int:
    results, path = [], settings.load().search_path
    try:
        for way in WAYS:
            search_path = _search_path(way, path)
            if search_path is None:
                print(f"bench-uploads: {way.name} is left out: minio is not on PATH "
                      "(make minio)", file=sys.stderr)
                continue
            results.append(measure(way, search_path, poison=not way.queued))
    except (StackError, ClientError, TimeoutError) as error:
        print(f"bench-uploads: {error}", file=sys.stderr)
        return 1
    print(table(results))
    keep("uploads", [
        {**asdict(each), "targets_met": {one.target: one.met for one in each.verdicts()}}
        for each in results])
    return 0


if __name__ == "__main__":
    sys.exit(main())
