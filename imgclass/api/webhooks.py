"""Webhooks: who is told of finished classifications."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from imgclass.api.base import Api, read_answer, segment
from imgclass.parameters import query
from imgclass.results.webhooks import Delivery, DeliveryPage, Webhook


class Webhooks(Api):
    """What an administrator does with webhooks.

    Where deliveries are concerned, "sink" stands for the sink of the deployment.
    """

    def add_webhook(self, url: str, event_types: Sequence[str] | None = None) -> Webhook:
        """Have a URL told of events of these types, or of all; the answer has its secret."""
        registration: dict[str, Any] = {"url": url}
        if event_types is not None:
            registration["event_types"] = list(event_types)
        response = self._transport.send("POST", "/api/v1/webhooks", json=registration)
        return read_answer(response, Webhook.from_document)

    def webhooks(self) -> list[Webhook]:
        """All webhooks, newest first."""
        return self._get("/api/v1/webhooks", lambda body: [
            Webhook.from_document(each) for each in body["webhooks"]])

    def webhook(self, webhook_id: uuid.UUID | str) -> Webhook:
        return self._get(_path(webhook_id), Webhook.from_document)

    def remove_webhook(self, webhook_id: uuid.UUID | str) -> None:
        """Tell a webhook nothing more, neither what it waits for."""
        self._transport.send("DELETE", _path(webhook_id))

    def deliveries(
        self,
        webhook_id: uuid.UUID | str,
        state: str | None = None,
        page: int = 1,
        limit: int = 20,
    ) -> DeliveryPage:
        """What waits for a receiver (`state` pending), was given up (dead), or both, newest first.

        Pages count from 1, `limit` is at most 100.
        """
        return self._get(
            f"{_path(webhook_id)}/deliveries", DeliveryPage.from_document,
            query(state=state, page=page, limit=limit))

    def retry_delivery(
        self, webhook_id: uuid.UUID | str, delivery_id: uuid.UUID | str
    ) -> Delivery:
        """Have a delivery attempted now, and as often as a new one."""
        path = f"{_path(webhook_id)}/deliveries/{segment(delivery_id)}/retry"
        return read_answer(self._transport.send("POST", path), Delivery.from_document)

    def retry_dead_deliveries(self, webhook_id: uuid.UUID | str) -> int:
        """Have those attempted now that were given up; how many, at most 10,000 at a time."""
        path = f"{_path(webhook_id)}/deliveries/retry"
        return read_answer(self._transport.send("POST", path), lambda body: int(body["retried"]))


def _path(webhook_id: uuid.UUID | str) -> str:
    return f"/api/v1/webhooks/{segment(webhook_id)}"
