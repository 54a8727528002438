"""Starting, watching and cancelling backfills."""
from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from common.audit import Origin
from common.errors import Conflict, InvalidValue, NotFound
from model_admin.backfill.orders import Order
from model_admin.backfill.repository import BackfillRepository, Row

log = logging.getLogger(__name__)


class Backfills:
    """What an administrator does with backfills; `wake_worker` starts the work."""

    def __init__(self, repository: BackfillRepository, wake_worker: Callable[[], None]) -> None:
        self._repository = repository
        self._wake_worker = wake_worker

    def start(self, order: Order, origin: Origin) -> Row:
        """Begin to classify the chosen pictures with a version.

        Raises InvalidValue if there is no such version and Conflict if it is not ready.
        """
        row = self._repository.start(order, origin)
        if row is None:
            raise self._refusal(order.model_version)
        log.info("backfill started", extra={
            "backfill_id": str(row["backfill_id"]), "model_version": order.model_version,
            "total": row["total"]})
        self._wake_worker()
        return row

    def find(self, backfill_id: uuid.UUID) -> Row:
        """A backfill as it stands, with the first of its failures. Raises NotFound."""
        row = self._repository.find(backfill_id)
        if row is None:
            raise NotFound(f"There is no backfill {backfill_id}.")
        return row

    def list(self) -> list[Row]:
        """The newest backfills, newest first."""
        return self._repository.list()

    def cancel(self, backfill_id: uuid.UUID, origin: Origin) -> Row:
        """End a backfill; what it has classified stays. One that is cancelled may be again.

        Raises NotFound, and Conflict if it has ended otherwise.
        """
        cancelled = self._repository.cancel(backfill_id, origin)
        row = self.find(backfill_id)
        if not cancelled and row["state"] != "cancelled":
            raise Conflict(f"The backfill is {row['state']}; only a running one can be cancelled.")
        return row

    def _refusal(self, version: str) -> Exception:
        state = self._repository.model_state(version)
        if state is None:
            return InvalidValue(f"model_version: there is no model version {version}.")
        return Conflict(
            f"Model version {version} is {state}; only a ready one can classify pictures.")
