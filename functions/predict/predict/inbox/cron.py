"""POST /: how OpenFaaS' cron-connector calls a function. Call once, serialise.

It can name no path and carries no token, so anybody who reaches the gateway can do as it does.
The call therefore does only what is due anyway, and not more often than it is allowed to.
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Protocol

from flask import Blueprint
from flask.typing import ResponseReturnValue

from predict.inbox.sweep import COMPARE_SECONDS, DAYS, SweepReport

PATH = "/"
# Well below the time that a gateway waits for an answer.
DRAIN_SECONDS = 20.0

log = logging.getLogger(__name__)


class Inbox(Protocol):
    """See InboxService."""

    def sweep(self, days: int) -> SweepReport | None: ...

    def drain(self, seconds: float) -> Mapping[str, int]: ...


class Rounds:
    """Sweeps and works the inbox off, at most once every `seconds` in this process."""

    def __init__(
        self, inbox: Inbox, seconds: float, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._next = self._next_comparison = clock()

    def make(self) -> bool:
        """Whether a round was made: not if the one before began a moment ago.

        Raises StoreUnavailable or DatabaseUnavailable.
        """
        with self._lock:
            now = self._clock()
            if now < self._next:
                return False
            self._next = now + self._seconds
            compares = now >= self._next_comparison
            if compares:
                self._next_comparison = now + COMPARE_SECONDS
        report = self._inbox.sweep(DAYS if compares else 0)
        drained = self._inbox.drain(DRAIN_SECONDS)
        log.info("cron-connector called", extra={
            "sweep": None if report is None else asdict(report), "drain": dict(drained)})
        return True


def create_routes(rounds: Rounds) -> Blueprint:
    """The one route of cron-connector, which is open to everybody."""
    routes = Blueprint("cron", __name__)

    @routes.post(PATH)
    def call() -> ResponseReturnValue:
        return {"skipped": not rounds.make()}

    return routes
