"""Registering and removing webhooks, and looking after their deliveries."""
from __future__ import annotations

import base64
import logging
import secrets
import uuid

from common.audit import Origin
from common.errors import Conflict, NotFound
from common.events import KEY_PREFIX
from model_admin.webhooks.registration import Registration
from model_admin.webhooks.repository import MAX_WEBHOOKS, Page, Row, WebhookRepository

KEY_BYTES = 32

log = logging.getLogger(__name__)


class Webhooks:
    """What an administrator does with webhooks."""

    def __init__(self, repository: WebhookRepository) -> None:
        self._repository = repository

    def add(self, registration: Registration, origin: Origin) -> Row:
        """Register a webhook; the answer alone has its `secret`, the key of its signatures.

        Raises Conflict if there are too many.
        """
        secret = KEY_PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        row = self._repository.add(registration, secret, origin)
        if row is None:
            raise Conflict(f"There are {MAX_WEBHOOKS} webhooks, and no more are possible.")
        log.info("webhook registered", extra={"webhook_id": str(row["webhook_id"])})
        return {**row, "secret": secret}

    def list(self) -> list[Row]:
        """All webhooks, newest first."""
        return self._repository.list()

    def find(self, webhook_id: uuid.UUID) -> Row:
        """A webhook with what waits for it and what is wrong with it. Raises NotFound."""
        row = self._repository.find(webhook_id)
        if row is None:
            raise _no_webhook(webhook_id)
        return row

    def remove(self, webhook_id: uuid.UUID, origin: Origin) -> None:
        """Tell a webhook nothing more, neither what it waits for. Raises NotFound."""
        if not self._repository.remove(webhook_id, origin):
            raise _no_webhook(webhook_id)
        log.info("webhook removed", extra={"webhook_id": str(webhook_id)})

    def deliveries(
        self, receiver_id: uuid.UUID, state: str | None, page: int, limit: int
    ) -> Page:
        """A page of the deliveries in a state or in any, newest first. Raises NotFound."""
        found = self._repository.deliveries(receiver_id, state, limit, (page - 1) * limit)
        if found is None:
            raise _no_webhook(receiver_id)
        return found

    def retry(self, receiver_id: uuid.UUID, delivery_id: uuid.UUID, origin: Origin) -> Row:
        """Have a delivery attempted now, and as often as a new one. Raises NotFound."""
        row = self._repository.retry(receiver_id, delivery_id, origin)
        if row is None:
            raise NotFound(f"There is no delivery {delivery_id}; what was delivered is forgotten.")
        return row

    def retry_dead(self, receiver_id: uuid.UUID, origin: Origin) -> int:
        """Have those attempted now that were given up; how many. Raises NotFound."""
        count = self._repository.retry_dead(receiver_id, origin)
        if count is None:
            raise _no_webhook(receiver_id)
        return count


def _no_webhook(webhook_id: uuid.UUID) -> NotFound:
    return NotFound(f"There is no webhook {webhook_id}.")
