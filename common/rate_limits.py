"""How many requests a user, or an address, may send in a time."""
from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Flask, Response, g, request

from common.addresses import network_of
from common.auth import Principal
from common.config import Settings
from common.counters import Counters, OwnCounters, SharedCounters
from common.errors import TooManyRequests
from common.setting_values import Rate

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Balance:
    """What is left of a budget, and for how many seconds; `left` is negative once overdrawn."""

    budget: str
    rate: Rate
    left: int
    seconds: int

    def headers(self) -> dict[str, str]:
        """As clients are told (draft-ietf-httpapi-ratelimit-headers-10)."""
        return {
            "RateLimit-Policy": f'"{self.budget}";q={self.rate.requests};w={self.rate.seconds}',
            "RateLimit": f'"{self.budget}";r={max(self.left, 0)};t={self.seconds}',
        }


class RateLimits:
    """The budgets of one function.

    `reading` and `writing` name those of safe and of all other methods: predict, read or admin.
    Whoever has no good token is counted by address; a good one is never refused for others that
    come from the same address.
    """

    def __init__(self, settings: Settings, reading: str, writing: str) -> None:
        self._rates = {
            "predict": settings.rate_limit_predict,
            "read": settings.rate_limit_read,
            "admin": settings.rate_limit_admin,
            "refused": settings.rate_limit_refused,
        }
        self._reading, self._writing = reading, writing
        url = settings.rate_limit_storage_url
        self._counters: Counters = SharedCounters(url) if url else OwnCounters()

    def count(self, caller: Principal, more: int = 1) -> None:
        """Count the current request of a user, or how many `more` it is worth.

        Raises TooManyRequests.
        """
        budget = self._reading if request.method in SAFE_METHODS else self._writing
        self._count(budget, str(caller.user_id), more)

    def count_refusal(self) -> None:
        """Count the current request, whose sender could not be told. Raises TooManyRequests."""
        self._count("refused", network_of(request.remote_addr or ""))

    def _count(self, budget: str, who: str, more: int = 1) -> None:
        rate = self._rates[budget]
        if rate is None or more == 0:
            return
        count, seconds = self._counters.count(f"imgclass:{budget}:{who}", rate.seconds, more)
        g.balance = Balance(budget, rate, rate.requests - count, math.ceil(seconds))
        if g.balance.left < 0:
            raise TooManyRequests(
                f"You have sent more than {rate.requests} requests in {rate.seconds} seconds.",
                g.balance.seconds)


def install_rate_limit_headers(app: Flask) -> None:
    """Tell what is left of the budget that a request was counted in."""

    @app.after_request
    def tell(answer: Response) -> Response:
        if "balance" in g:
            answer.headers.extend(g.balance.headers())
        return answer
