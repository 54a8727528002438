"""Everything that is asked of the stack at once: pictures, history, uploads, swaps."""
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from bench.load import Target

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# How long each client pauses between its requests, in seconds.
PREDICT_PAUSE, READ_PAUSE, UPLOAD_PAUSE, SWAP_PAUSE = 0.1, 0.2, 2.0, 10.0
PREDICTERS = 2


class Outcome(NamedTuple):
    """One request: `status` is that of HTTP, or the name of what came instead of an answer.

    Times are in seconds since the epoch.
    """

    kind: str
    status: str
    began: float
    ended: float

    @property
    def failed(self) -> bool:
        """Whether the server, not the request, was at fault; asked to come again counts too."""
        return not self.status.isdigit() or int(self.status) >= 500


class MixedLoad:
    """Clients of every kind, each with a request after the other, none of them sent twice."""

    def __init__(
        self, target: Target, admin: httpx.Client, store: S3Client, bucket: str,
        versions: tuple[str, str],
    ) -> None:
        """`admin` may activate the `versions`, of which the second one answers at first."""
        self._target = target
        self._admin = admin
        self._store = store
        self._bucket = bucket
        self._versions = itertools.cycle(versions)
        self._stop = threading.Event()
        self.outcomes: list[Outcome] = []
        self.uploaded: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[MixedLoad]:
        """Send until the end of the block. Raises what a client did."""
        with ExitStack() as stack:
            predict = [self._predicter(stack.enter_context(self._target.client()), number)
                       for number in range(PREDICTERS)]
            reader = stack.enter_context(self._target.client())
            # Left first, so that every request has its answer before its client closes.
            pool = stack.enter_context(ThreadPoolExecutor(PREDICTERS + 3))
            clients = [
                *(pool.submit(self._repeat, "predict", PREDICT_PAUSE, each) for each in predict),
                pool.submit(self._repeat, "history", READ_PAUSE, lambda: self._read(reader)),
                pool.submit(self._repeat, "upload", UPLOAD_PAUSE, self._uploader()),
                pool.submit(self._repeat, "swap", SWAP_PAUSE, self._swap)]
            try:
                yield self
            finally:
                self._stop.set()
        for client in clients:
            client.result()

    def _repeat(self, kind: str, pause: float, send: Callable[[], str]) -> None:
        while not self._stop.wait(pause):
            began = time.time()
            try:
                status = send()
            except httpx.HTTPError as error:
                status = type(error).__name__
            self.outcomes.append(Outcome(kind, status, began, time.time()))

    def _predicter(self, client: httpx.Client, number: int) -> Callable[[], str]:
        pictures = itertools.cycle(self._target.pictures)
        for _ in range(number):
            next(pictures)

        def predict() -> str:
            picture = next(pictures)
            return str(client.post(
                "/api/v1/predict", data={"user_id": self._target.user_id},
                files={"file": (picture.name, picture.read_bytes())}).status_code)
        return predict

    def _read(self, client: httpx.Client) -> str:
        return str(client.get("/api/v1/predictions", params={"limit": "20"}).status_code)

    def _uploader(self) -> Callable[[], str]:
        picture = self._target.pictures[0].read_bytes()
        numbers = itertools.count()

        def upload() -> str:
            key = f"uploads/{self._target.user_id}/{next(numbers)}.jpg"
            try:
                self._store.put_object(Bucket=self._bucket, Key=key, Body=picture)
            except ClientError as error:
                return str(error.response["ResponseMetadata"]["HTTPStatusCode"])
            except BotoCoreError as error:
                return type(error).__name__
            self.uploaded.add(key)
            return "200"
        return upload

    def _swap(self) -> str:
        version = next(self._versions)
        return str(self._admin.post(f"/api/v1/models/{version}/activate").status_code)
