"""People who send pictures through the gateway, and remember what they were told; one reads."""
from __future__ import annotations

import hashlib
import io
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import numpy as np
from PIL import Image

TIMEOUT_SECONDS = 15.0
PAUSE_SECONDS = 0.02
UNKNOWN, UNTOLD = "503, recorded or not", "503 without Retry-After"


def picture(number: int) -> bytes:
    """A small JPEG like no other."""
    noise = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=80)
    return file.getvalue()


@dataclass(frozen=True)
class Acknowledged:
    """An answer somebody got: its prediction, and the digest of the picture that was sent."""

    prediction_id: str
    image_id: str
    sha256: bytes
    at: float


@dataclass
class Load:
    """Clients that send one picture after the other, none twice, whatever they are answered.

    One more reads the history meanwhile; `read_at` is when it got answers, in seconds since the
    epoch.
    """

    url: str
    token: str
    user_id: str
    clients: int = 3
    acknowledged: list[Acknowledged] = field(default_factory=list)
    read_at: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._read),
            *(threading.Thread(target=self._send, args=(number,))
              for number in range(self.clients))]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def answered_since(self, moment: float) -> list[Acknowledged]:
        """What was acknowledged after a moment, in seconds since the epoch."""
        with self._lock:
            return [each for each in self.acknowledged if each.at > moment]

    def back_at(self, moment: float) -> float | None:
        """When both kinds of clients had an answer after a moment; None if they had none yet."""
        with self._lock:
            told = [each.at for each in self.acknowledged if each.at > moment]
            read = [at for at in self.read_at if at > moment]
        return max(min(told), min(read)) if told and read else None

    def _read(self) -> None:
        with self._client() as http:
            while not self._stopped.wait(PAUSE_SECONDS):
                try:
                    answer = http.get(f"{self.url}/api/v1/predictions", params={"limit": "1"})
                    refusal = "" if answer.status_code == 200 else _refusal(answer)
                except httpx.HTTPError as error:
                    refusal = type(error).__name__
                with self._lock:
                    if refusal:
                        self.refused[f"history {refusal}"] += 1
                    else:
                        self.read_at.append(time.time())

    def _client(self) -> httpx.Client:
        return httpx.Client(
            headers={"Authorization": f"Bearer {self.token}"}, timeout=TIMEOUT_SECONDS,
            trust_env=False)

    def _send(self, client: int) -> None:
        number = client * 1_000_000
        with self._client() as http:
            while not self._stopped.is_set():
                number += 1
                self._send_one(http, picture(number))
                time.sleep(PAUSE_SECONDS)

    def _send_one(self, http: httpx.Client, data: bytes) -> None:
        try:
            answer = http.post(
                f"{self.url}/api/v1/predict", data={"user_id": self.user_id},
                files={"file": ("cup.jpg", data)})
        except httpx.HTTPError as error:
            with self._lock:
                self.refused[type(error).__name__] += 1
            return
        with self._lock:
            if answer.status_code != 200:
                self.refused[_refusal(answer)] += 1
                return
            body = answer.json()
            self.acknowledged.append(Acknowledged(
                body["prediction_id"], body["image_id"], hashlib.sha256(data).digest(),
                time.time()))


def _refusal(answer: httpx.Response) -> str:
    """The status. Who is refused for now is told when to come again, unless it is not known
    whether the picture was recorded: sent again, it might be recorded twice."""
    if answer.status_code != 503 or "Retry-After" in answer.headers:
        return str(answer.status_code)
    return UNKNOWN if "commit-unknown" in answer.text else UNTOLD
