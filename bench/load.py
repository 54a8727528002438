"""A steady load on predict: paced clients on kept connections, every answer written down."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.outcome import percentile

TIMEOUT_SECONDS = 30


class Answer(NamedTuple):
    """What a version says of a picture."""

    version: str
    predicted_class: str
    confidence: float


@dataclass(frozen=True)
class Sample:
    """One request; times are of time.perf_counter(), `answer` is None if it failed."""

    picture: str
    due: float
    ended: float
    answer: Answer | None

    @property
    def seconds(self) -> float:
        """From when it was due: a client that is kept waiting is late with its next one."""
        return self.ended - self.due


@dataclass(frozen=True)
class Target:
    """Where pictures are sent, and as whom."""

    url: str
    token: str
    user_id: str
    pictures: Sequence[Path]

    def client(self) -> httpx.Client:
        """A client that sends nothing twice, so that no failure is hidden."""
        return httpx.Client(
            base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False,
            headers={"Authorization": f"Bearer {self.token}"})

    def classify(self, client: httpx.Client, picture: Path) -> Answer | None:
        """The answer to one picture; None if there is none."""
        try:
            response = client.post(
                "/api/v1/predict", data={"user_id": self.user_id},
                files={"file": (picture.name, picture.read_bytes())})
        except httpx.HTTPError:
            return None
        if response.status_code != 200:
            return None
        body = response.json()
        return Answer(response.headers.get("X-Model-Version", ""), body["predicted_class"],
                      body["confidence_score"])


class Load:
    """Clients that each send one picture after the other, a new one every `interval` seconds."""

    def __init__(self, target: Target, clients: int, interval: float) -> None:
        """An `interval` of 0 means as fast as the answers come."""
        self._target = target
        self._clients = clients
        self._interval = interval
        self._stop = threading.Event()
        self._answered = threading.Condition()
        self._latest: Sample | None = None
        self.samples: list[Sample] = []

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Send until the end of the block; then all samples are in. Raises what a client did."""
        with ThreadPoolExecutor(self._clients) as pool:
            clients: list[Future[None]] = [
                pool.submit(self._send, number) for number in range(self._clients)]
            try:
                yield self
            finally:
                self._stop.set()
        for client in clients:
            client.result()

    def wait_for(self, version: str, since: float, seconds: float) -> float:
        """When a request that was due after `since` was answered by `version`.

        Raises TimeoutError after so many seconds.
        """
        with self._answered:
            while True:
                latest = self._latest
                if (latest and latest.answer and latest.due >= since
                        and latest.answer.version == version):
                    return latest.ended
                left = since + seconds - time.perf_counter()
                if left <= 0 or not self._answered.wait(left):
                    raise TimeoutError(f"{version} does not answer within {seconds:g} s")

    def _send(self, number: int) -> None:
        pictures = self._target.pictures
        # The clients take turns, so that they do not meet at every beat.
        due = time.perf_counter() + self._interval * number / self._clients
        with self._target.client() as client:
            while not self._stop.wait(max(0.0, due - time.perf_counter())):
                if not self._interval:
                    due = time.perf_counter()
                picture = pictures[number % len(pictures)]
                answer = self._target.classify(client, picture)
                self._note(Sample(picture.name, due, time.perf_counter(), answer))
                due += self._interval
                number += 1

    def _note(self, sample: Sample) -> None:
        with self._answered:
            self.samples.append(sample)
            self._latest = sample
            self._answered.notify_all()


def latency_ms(samples: Sequence[Sample], share: float) -> float:
    """The latency, in milliseconds, that `share` of the samples do not exceed."""
    return 1000 * percentile([sample.seconds for sample in samples], share)
