"""Requests that were refused for who sent them, in the audit log: summed up, so that it cannot be
flooded."""
from __future__ import annotations

import atexit
import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

import jwt
from flask import Flask, Response, g, request

from common.addresses import network_of
from common.audit import AuditTrail, Origin
from common.auth import MAX_TOKEN_CHARACTERS, user_id_of
from common.errors import Unavailable

# Each caller has one line in this time, and no more than so many callers have one.
WINDOW_SECONDS = 60.0
MAX_CALLERS = 100
# Of the details of a line, the first so many.
MAX_DETAILS = 5
MAX_DETAIL_CHARACTERS = 200
ACTIONS = {401: "login.refused", 403: "access.refused"}

log = logging.getLogger(__name__)

Caller = tuple[str, str, "uuid.UUID | None"]


@dataclass
class Refusals:
    """What was refused to one caller: its first request, how many there were, and why."""

    origin: Origin
    subject: str
    first_at: datetime
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    routes: dict[str, None] = field(default_factory=dict)
    claimed: dict[str, None] = field(default_factory=dict)

    def add(self, reason: str, route: str, claimed: uuid.UUID | None) -> None:
        self.count += 1
        if reason in self.reasons or len(self.reasons) < MAX_DETAILS:
            self.reasons[reason] += 1
        for seen, value in ((self.routes, route), (self.claimed, claimed and str(claimed))):
            if value and len(seen) < MAX_DETAILS:
                seen[value] = None

    def detail(self) -> dict[str, object]:
        """As it stands in the log. Whom a token claims to be of is not proven."""
        return {
            "count": self.count, "first_at": self.first_at.isoformat(),
            "reasons": dict(self.reasons), "routes": [*self.routes],
            **({"claims_to_be": [*self.claimed]} if self.claimed else {})}


class RefusalLog:
    """Notes every 401 and 403 of an application, and writes them down once in a window.

    A caller is an address (of IPv6, its /64 network) and, where the token was good, a user. What
    was not written yet is lost with a process that is killed.
    """

    def __init__(self, trail: AuditTrail, window_seconds: float = WINDOW_SECONDS) -> None:
        self._trail = trail
        self._window_seconds = window_seconds
        self._noted: dict[Caller, Refusals] = {}
        self._lock = threading.Lock()

    def install(self, app: Flask) -> None:
        """Look at every answer of `app`."""
        @app.after_request
        def look(answer: Response) -> Response:
            action = ACTIONS.get(answer.status_code)
            if action is not None and request.url_rule is not None:
                self._note(action, answer)
            return answer

    def start(self) -> None:
        """Begin to write; returns at once. What is left is written when the process ends."""
        threading.Thread(target=self._run, name="refusals", daemon=True).start()
        atexit.register(self.flush)

    def flush(self) -> None:
        """Write down what was noted; what cannot be written is kept for the next time."""
        with self._lock:
            noted, self._noted = self._noted, {}
        for caller, refusals in noted.items():
            try:
                self._trail.write(
                    refusals.origin, caller[0], refusals.subject, refusals.detail())
            except Unavailable as error:
                log.warning("refusals cannot be written down", exc_info=error)
                with self._lock:
                    self._noted = {**noted, **self._noted}
                return
            noted = {other: rest for other, rest in noted.items() if other != caller}

    def _note(self, action: str, answer: Response) -> None:
        actor = g.principal.user_id if "principal" in g else None
        address = network_of(request.remote_addr or "")
        route = f"{request.method} {request.url_rule}"
        problem = answer.get_json(silent=True)
        reason = str(problem.get("detail", "")) if isinstance(problem, dict) else ""
        with self._lock:
            caller: Caller = (action, address, actor)
            if caller not in self._noted and len(self._noted) >= MAX_CALLERS:
                caller = (action, "", None)  # all others together
            if caller not in self._noted:
                self._noted[caller] = Refusals(
                    Origin(caller[2], g.request_id, caller[1] or None), route,
                    datetime.now(timezone.utc))
            self._noted[caller].add(
                reason[:MAX_DETAIL_CHARACTERS], route, None if actor else _claimed_user())

    def _run(self) -> None:
        while True:
            threading.Event().wait(self._window_seconds)
            self.flush()


def _claimed_user() -> uuid.UUID | None:
    """Of whom a refused token says that it is."""
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    if len(token) > MAX_TOKEN_CHARACTERS:
        return None
    try:
        # Nothing is believed: it is what an attacker, or somebody with an old token, claims.
        claims = jwt.decode(token.strip(), options={"verify_signature": False})
        return user_id_of(str(claims["iss"]), str(claims["sub"]))
    except (jwt.PyJWTError, KeyError, ValueError, RecursionError):
        return None
