"""Counters of requests, in this process or in a server that several share."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from redis import Redis

TIDY_SECONDS = 60.0
# A server that does not answer is left alone for a while, before it holds up every request.
ANSWER_SECONDS, RETRY_SECONDS = 0.25, 10.0

log = logging.getLogger(__name__)


class Counters(Protocol):
    """Counts by key, in windows that begin with a key's first count."""

    def count(self, key: str, seconds: int, more: int = 1) -> tuple[int, float]:
        """Count `more`: how many that makes in this window, and how many seconds it has left."""


class OwnCounters:
    """Counters of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}
        self._tidied_at = clock()
        self._lock = threading.Lock()

    def count(self, key: str, seconds: int, more: int = 1) -> tuple[int, float]:
        with self._lock:
            now = self._clock()
            if now - self._tidied_at >= TIDY_SECONDS:
                self._forget(now)
            count, end = self._windows.get(key, (0, now + seconds))
            if end <= now:
                count, end = 0, now + seconds
            self._windows[key] = count + more, end
            return count + more, end - now

    def _forget(self, now: float) -> None:
        """Drop the windows that are over."""
        self._tidied_at = now
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}


class SharedCounters:
    """Counters in the Redis or Valkey at `url`; of this process alone while that is silent."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._own = OwnCounters(clock)
        self._left_alone_until = -float("inf")
        self._client: Redis | None = None
        self._opening = threading.Lock()
        # Importing the client takes longer than a function that is woken has to start.
        threading.Thread(target=self._open, name="counters", daemon=True).start()

    def count(self, key: str, seconds: int, more: int = 1) -> tuple[int, float]:
        if self._clock() < self._left_alone_until:
            return self._own.count(key, seconds, more)
        client = self._open()
        from redis.exceptions import RedisError
        try:
            with client.pipeline() as commands:
                commands.set(key, 0, ex=seconds, nx=True)
                commands.incrby(key, more)
                commands.pttl(key)
                _, count, milliseconds = commands.execute()
            return int(count), max(int(milliseconds), 0) / 1000
        except (RedisError, OSError) as error:
            self._left_alone_until = self._clock() + RETRY_SECONDS
            log.warning("requests are counted by this process alone", exc_info=error)
            return self._own.count(key, seconds, more)

    def _open(self) -> Redis:
        """The client, made when it is first needed; it connects by itself."""
        with self._opening:
            if self._client is None:
                from redis import Redis
                from redis.backoff import NoBackoff
                from redis.retry import Retry
                self._client = Redis.from_url(
                    self._url, socket_connect_timeout=ANSWER_SECONDS,
                    socket_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0))
            return self._client
