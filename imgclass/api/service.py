"""The service itself."""
from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from imgclass.api.base import Api, read_answer
from imgclass.results.health import Health


class Service(Api):
    """What needs no rights."""

    def health(self) -> Health:
        """Whether the service is there, and its time to the second."""
        response = self._transport.send("GET", "/health")
        time = _instant(response.headers.get("Date"))
        return read_answer(response, lambda body: Health(str(body["status"]), time))


def _instant(date: str | None) -> datetime | None:
    try:
        found = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found and found.tzinfo else None
