"""What machines ask of the inbox: take in notifications, work it off, sweep."""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from predict.inbox.events import StorageEvent
from predict.inbox.repository import Inbox
from predict.inbox.sweep import Sweeper, SweepReport
from predict.inbox.worker import InboxWorker


@dataclass(frozen=True)
class Received:
    """How many events of a notification are new, known already, or of no use here."""

    new: int
    known: int
    ignored: int


class InboxService:
    """The inbox of one bucket, with those who fill it and work it off.

    `deliver` tells others what came of it, for at most so many seconds, and says how often.
    """

    def __init__(
        self,
        inbox: Inbox,
        worker: InboxWorker,
        sweeper: Sweeper,
        bucket: str,
        deliver: Callable[[float], int],
    ) -> None:
        self._inbox = inbox
        self._worker = worker
        self._sweeper = sweeper
        self._bucket = bucket
        self._deliver = deliver

    def receive(self, events: Sequence[StorageEvent]) -> Received:
        """Write down what was announced. Raises DatabaseUnavailable; then nothing is."""
        uploads = [each for each in events if each.bucket == self._bucket and each.is_upload]
        new = self._inbox.announce(uploads) if uploads else 0
        if new:
            self._worker.wake()
        return Received(new, len(uploads) - new, len(events) - len(uploads))

    def drain(self, seconds: float) -> dict[str, int]:
        """Work for at most so many seconds: classify, then deliver what is to be told of it.

        Answers what became of the events, how many wait, and how many deliveries were made.
        Raises DatabaseUnavailable.
        """
        ends = time.monotonic() + seconds
        outcomes = self._worker.drain(seconds)
        delivered = self._deliver(ends - time.monotonic())
        return {**outcomes, "pending": self._inbox.backlog().pending, "delivered": delivered}

    def sweep(self, days: int) -> SweepReport | None:
        """See Sweeper.sweep; what it adopts is worked on at once."""
        report = self._sweeper.sweep(days)
        if report is not None and report.adopted:
            self._worker.wake()
        return report
