"""One event to one receiver: as a CloudEvent, signed with the receiver's key, over HTTP."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from common.events import SINK
from predict.outbox.envelope import as_cloud_event
from predict.outbox.repository import Delivery, Receiver
from predict.outbox.sending import Sender, SendError
from predict.outbox.signing import sign

# Of a receiver that works and does not want this event, and of one that does not work.
_BUSY = frozenset({408, 425, 429})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why an event was not delivered: one word for it, and a sentence.

    `of_receiver` says that others would fare no better at the moment.
    """

    outcome: str
    reason: str
    of_receiver: bool


Deliver = Callable[[Delivery], "Failure | None"]


class Courier(Protocol):
    """Brings events to receivers."""

    def to(self, receiver: Receiver) -> AbstractContextManager[Deliver]:
        """While it is entered, a way to deliver to this receiver; for one thread."""


class HttpCourier:
    """Courier over HTTP; the sink's events get `extensions` instead of a signature."""

    def __init__(
        self, to_webhooks: Sender, to_sink: Sender, extensions: Mapping[str, str]
    ) -> None:
        self._to_webhooks = to_webhooks
        self._to_sink = to_sink
        self._extensions = extensions

    @contextmanager
    def to(self, receiver: Receiver) -> Iterator[Deliver]:
        """See Courier.to."""
        is_sink = receiver.receiver_id == SINK
        sender = self._to_sink if is_sink else self._to_webhooks
        with closing(sender.open(receiver.url)) as channel:
            def deliver(delivery: Delivery) -> Failure | None:
                headers, body = as_cloud_event(delivery, self._extensions if is_sink else {})
                headers["user-agent"] = "imgclass"
                if receiver.secret is not None:
                    headers |= sign(
                        receiver.secret, str(delivery.event_id), int(time.time()), body)
                try:
                    return _judge(channel.post(body, headers))
                except SendError as error:
                    return Failure(error.outcome, str(error), of_receiver=True)

            yield _guarded(deliver)


def _guarded(deliver: Deliver) -> Deliver:
    """An event that cannot even be sent must not keep others from it."""
    def attempt(delivery: Delivery) -> Failure | None:
        try:
            return deliver(delivery)
        except Exception as error:
            log.error("an event cannot be sent", exc_info=error, extra={
                "delivery_id": str(delivery.delivery_id)})
            return Failure("unexpected", "It cannot be sent; the log knows why.", False)

    return attempt


def _judge(status: int) -> Failure | None:
    """What the status of an answer means; an answer of 300 to 499 is about the one event."""
    if 200 <= status < 300:
        return None
    return Failure(
        "answered", f"It answered {status}.", of_receiver=status >= 500 or status in _BUSY)
