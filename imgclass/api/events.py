"""Storage events: watched and retried."""
from __future__ import annotations

import uuid
from collections.abc import Iterator

from imgclass.api.base import ANALYSIS_TIMEOUT_SECONDS, Api, read_answer, segment
from imgclass.parameters import document, query
from imgclass.results.events import Completeness, Event, EventDetail, EventPage


class Events(Api):
    """What an administrator does with storage events."""

    def events(
        self,
        state: str | None = None,
        fault: str | None = None,
        user_id: uuid.UUID | None = None,
    ) -> Iterator[Event]:
        """Every event that matches, newest first, fetched as it is consumed."""
        asked = query(state=state, fault=fault, user_id=user_id)
        for page in self._pages("/api/v1/events", EventPage.from_document, asked):
            yield from page.events

    def event(self, event_id: uuid.UUID | str) -> EventDetail:
        """An event with all that is known of it."""
        return self._get(f"/api/v1/events/{segment(event_id)}", EventDetail.from_document)

    def retry_event(self, event_id: uuid.UUID | str) -> EventDetail:
        """Have a dead event worked on again, from now on."""
        path = f"/api/v1/events/{segment(event_id)}/retry"
        return read_answer(self._transport.send("POST", path), EventDetail.from_document)

    def retry_events(
        self,
        fault: str | None = None,
        user_id: uuid.UUID | None = None,
        limit: int | None = None,
    ) -> int:
        """Have dead events worked on again, the oldest first; answers how many."""
        response = self._transport.send(
            "POST", "/api/v1/events/retry", timeout=ANALYSIS_TIMEOUT_SECONDS,
            json=document(fault=fault, user_id=user_id, limit=limit))
        return read_answer(response, lambda body: int(body["retried"]))

    def completeness(self) -> Completeness:
        """What became of all objects ever put into the bucket, and whether that adds up."""
        response = self._transport.send(
            "GET", "/api/v1/events/completeness", timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Completeness.from_document)
