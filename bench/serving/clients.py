"""Clients that cost little: requests made once, sent over kept connections by plain threads."""
from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """One request, sent again and again."""

    url: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def form(
        cls, url: str, fields: dict[str, str], picture: bytes, headers: dict[str, str],
    ) -> Request:
        """A multipart form with the picture as the field `file`."""
        boundary = uuid.uuid4().hex
        disposition = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [f'{disposition}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        parts.append(f'{disposition}"file"; filename="picture.jpg"\r\n'
                     "Content-Type: image/jpeg\r\n\r\n")
        body = "".join(parts).encode() + picture + f"\r\n--{boundary}--\r\n".encode()
        return cls(url, body, {
            **headers, "Content-Type": f"multipart/form-data; boundary={boundary}"})


class Answered(NamedTuple):
    """When a request was sent and answered, on the clock of time.perf_counter; 0 is no answer."""

    began: float
    ended: float
    status: int


@dataclass
class Volley:
    """So many clients for so many seconds; paced if `rate` requests per second are given.

    Paced requests come as those of people do who know nothing of each other, with exponential
    gaps, the same in every run. Each counts from when it was due: one that is late because the
    others were slow is slow itself.
    """

    request: Request
    clients: int
    seconds: float
    rate: float = 0.0
    answers: list[Answered] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def fire(self) -> Volley:
        """Send, and return once everything is answered."""
        self._began, cpu = time.perf_counter(), time.process_time()
        threads = [threading.Thread(target=self._client, args=(number,))
                   for number in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.cpu_seconds = time.process_time() - cpu
        return self

    def _client(self, number: int) -> None:
        address = urlsplit(self.request.url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
        pause = self.clients / self.rate if self.rate else 0.0
        gaps = random.Random(number)  # nosec B311  # so that runs are alike
        due = self._began + (gaps.expovariate(1 / pause) if pause else 0.0)
        while (now := time.perf_counter()) < self._began + self.seconds:
            if pause:
                time.sleep(max(0.0, due - now))
            began = due if pause else now
            self.answers.append(
                Answered(began, *self._ended(connection, address.path or "/")))
            due += gaps.expovariate(1 / pause) if pause else 0.0
        connection.close()

    def _ended(self, connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
                connection.request("POST", path, self.request.body, self.request.headers)
            answer = connection.getresponse()
            answer.read()
            return time.perf_counter(), answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            return time.perf_counter(), 0
