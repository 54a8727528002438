"""/events/: storage notifications, and what schedulers call. Parse, call once, serialise."""
from __future__ import annotations

import logging
from dataclasses import asdict

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from common.parameters import sent_integer
from predict.inbox.notifications import read_notification
from predict.inbox.service import InboxService

PREFIX, STORAGE = "/events", "/storage"
# A notification has a few kilobytes for each object.
MAX_NOTIFICATION_BYTES = 1 << 20
BODY_LIMITS = {PREFIX + STORAGE: MAX_NOTIFICATION_BYTES}
DEFAULT_DRAIN_SECONDS, MAX_DRAIN_SECONDS = 20, 50
DEFAULT_DAYS, MAX_DAYS = 2, 3660

log = logging.getLogger(__name__)


def create_routes(inbox: InboxService) -> Blueprint:
    """The routes of machines; they need the machines' token."""
    routes = Blueprint("events", __name__, url_prefix=PREFIX)

    @routes.route(STORAGE, methods=["HEAD", "POST"])
    def storage() -> ResponseReturnValue:
        """A sender that gets no 2xx sends the same again, before all others: only what could not
        be written down is refused."""
        if request.method == "HEAD":
            return "", 204
        events, unreadable = read_notification(request.get_data(), dict(request.headers))
        if unreadable:
            log.info("a notification holds what is no upload", extra={"entries": unreadable})
        received = inbox.receive(events)
        return {**asdict(received), "ignored": received.ignored + unreadable}, 202

    @routes.post("/drain")
    def drain() -> ResponseReturnValue:
        return inbox.drain(sent_integer("seconds", DEFAULT_DRAIN_SECONDS, 1, MAX_DRAIN_SECONDS))

    @routes.post("/sweep")
    def sweep() -> ResponseReturnValue:
        report = inbox.sweep(sent_integer("days", DEFAULT_DAYS, 0, MAX_DAYS))
        return {"skipped": True} if report is None else {"skipped": False, **asdict(report)}

    return routes
