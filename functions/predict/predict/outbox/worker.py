"""The threads that deliver what is in the outbox."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from common.events import SINK
from common.tracing import task_span
from predict.outbox.backoff import pause_seconds, retry_seconds
from predict.outbox.courier import Courier, Deliver
from predict.outbox.lanes import LANES_PER_RECEIVER, Lanes
from predict.outbox.repository import Delivery, Outbox, Receiver
from predict.outbox.telemetry import OutboxTelemetry, receiver_label

POLL_SECONDS = 5.0
# However often predict says that there is something, the database is not asked more often.
LOOK_SECONDS = 0.1
BATCH = 8
# After a turn a lane goes to whoever waits for one.
TURN_SECONDS = 20.0
# Nothing is begun that may not end while the lease lasts: a name that takes half a minute to
# resolve, and an attempt.
LEASE_SECONDS, MARGIN_SECONDS = 90.0, 50.0
MEASURE_SECONDS, EXPIRE_SECONDS = 30.0, 3600.0
PENDING_DAYS, DEAD_DAYS = 7, 30

log = logging.getLogger(__name__)


class Clock(Protocol):
    """Measures time."""

    def monotonic(self) -> float:
        """Seconds since some moment."""


class OutboxWorker:
    """Claims deliveries from the database, so that none is forgotten whatever dies.

    Each receiver is served by lanes of its own, so that a slow one holds nobody up. One that
    fails is left alone as a whole, for longer each time, and then tried with one delivery; what
    else waits for it loses no attempt. A delivery is given up after `max_attempts` of its own.
    """

    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        telemetry: OutboxTelemetry,
        max_attempts: int,
        clock: Clock = time,
    ) -> None:
        self._outbox = outbox
        self._courier = courier
        self._telemetry = telemetry
        self._max_attempts = max_attempts
        self._clock = clock
        self._lanes = Lanes(self._serve, BATCH)
        self._lock = threading.Lock()
        self._delivered = 0
        self._work = threading.Event()

    def start(self) -> None:
        """Begin to deliver; returns at once."""
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def wake(self) -> None:
        """Look again now: something was published."""
        self._work.set()

    def drain(self, seconds: float) -> int:
        """Deliver until nothing is due, or for so long; answers how many were delivered.

        For platforms that let a process work only while it has a request. What is under way at
        the end goes on, or is taken up by others. Raises DatabaseUnavailable.
        """
        before = self._delivered
        ends = self._clock.monotonic() + seconds
        while self._clock.monotonic() < ends:
            self._look(ends)
            if not self._lanes.wait(LOOK_SECONDS):
                break
        return self._delivered - before

    def _look(self, ends: float) -> None:
        """Open lanes to those who are to be told something. Raises DatabaseUnavailable."""
        self._lanes.assign(self._outbox.receivers(BATCH * LANES_PER_RECEIVER), ends)

    def _serve(self, receiver: Receiver, ends: float) -> None:
        """One turn of a lane."""
        try:
            with self._courier.to(receiver) as deliver:
                while (now := self._clock.monotonic()) < ends:
                    size = 1 if receiver.failures else BATCH
                    claimed = self._outbox.claim(receiver, size, LEASE_SECONDS)
                    begin_by = min(ends, now + LEASE_SECONDS - MARGIN_SECONDS)
                    if not claimed or not self._work_off(receiver, claimed, deliver, begin_by):
                        break
                    receiver = replace(receiver, failures=0)
        except Exception as error:  # what is claimed comes back with its lease
            log.warning("deliveries are put off", exc_info=error, extra=_named(receiver))
        else:
            # More may have been published since the last claim, while this lane was open.
            self._work.set()

    def _work_off(
        self, receiver: Receiver, claimed: Sequence[Delivery], deliver: Deliver, begin_by: float
    ) -> bool:
        """Attempt what was claimed; False if the receiver fails."""
        for number, delivery in enumerate(claimed):
            if self._clock.monotonic() >= begin_by:
                self._outbox.release(claimed[number:])
                return True
            with task_span("delivery", {"imgclass.event_id": str(delivery.event_id)}):
                works = self._attempt(receiver, delivery, deliver)
            if not works:
                self._outbox.release(claimed[number + 1:])
                return False
            if receiver.failures:
                self._outbox.resume(receiver)
                log.info("a receiver answers again", extra=_named(receiver))
                receiver = replace(receiver, failures=0)
        return True

    def _attempt(self, receiver: Receiver, delivery: Delivery, deliver: Deliver) -> bool:
        """False if the receiver fails."""
        label = receiver_label(receiver.receiver_id == SINK)
        with self._telemetry.attempt_seconds.labels(label).time():
            failure = deliver(delivery)
        self._telemetry.attempts.labels(label, failure.outcome if failure else "delivered").inc()
        if failure is None:
            self._outbox.remove(delivery)
            with self._lock:
                self._delivered += 1
            return True
        log.warning("an event is not delivered", extra={
            **_named(receiver), "event_id": str(delivery.event_id), "reason": failure.reason,
            "attempts": delivery.attempts + 1})
        if failure.of_receiver:
            self._outbox.pause(receiver, failure.reason, pause_seconds(receiver.failures))
        if not self._outbox.note_failure(
                delivery, failure.reason, retry_seconds(delivery.attempts), self._max_attempts):
            self._telemetry.given_up.inc()
        return not failure.of_receiver

    def _run(self) -> None:
        measured = expired = float("-inf")
        while True:
            self._work.clear()
            now = self._clock.monotonic()
            try:
                self._look(now + TURN_SECONDS)
                if now - measured >= MEASURE_SECONDS:
                    self._telemetry.measure(self._outbox.backlog())
                    measured = now
                if now - expired >= EXPIRE_SECONDS:
                    self._telemetry.given_up.inc(self._outbox.expire(PENDING_DAYS, DEAD_DAYS))
                    expired = now
            except Exception as error:  # the thread must outlive an outage
                log.warning("the outbox cannot be looked at", exc_info=error)
                time.sleep(POLL_SECONDS)
            time.sleep(LOOK_SECONDS)
            self._work.wait(POLL_SECONDS)


def _named(receiver: Receiver) -> dict[str, str]:
    return {"receiver_id": str(receiver.receiver_id)}
