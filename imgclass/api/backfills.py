"""Stored pictures classified again."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from imgclass.api.base import ANALYSIS_TIMEOUT_SECONDS, Api, read_answer, segment
from imgclass.api.polling import looks
from imgclass.results.backfills import Backfill
from imgclass.selection import EVERY_PICTURE, Selection


class Backfills(Api):
    """What an administrator does with backfills."""

    def start_backfill(
        self,
        version: str,
        selection: Selection = EVERY_PICTURE,
        pictures_per_second: float | None = None,
    ) -> Backfill:
        """Begin to classify stored pictures again with a ready version, in the background."""
        order: dict[str, Any] = {"model_version": version, "filter": selection.document()}
        if pictures_per_second is not None:
            order["pictures_per_second"] = pictures_per_second
        response = self._transport.send(
            "POST", "/api/v1/backfills", json=order, timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Backfill.from_document)

    def backfills(self) -> list[Backfill]:
        """The newest backfills, newest first."""
        return self._get("/api/v1/backfills", lambda body: [
            Backfill.from_document(each) for each in body["backfills"]])

    def backfill(self, backfill_id: uuid.UUID | str) -> Backfill:
        return self._get(f"/api/v1/backfills/{segment(backfill_id)}", Backfill.from_document)

    def wait_for_backfill(
        self,
        backfill_id: uuid.UUID | str,
        progress: Callable[[Backfill], None] = lambda backfill: None,
    ) -> Backfill:
        """Return the backfill once it has ended; `progress` hears of each look at it."""
        for _ in looks():
            backfill = self.backfill(backfill_id)
            progress(backfill)
            if backfill.state != "running":
                break
        return backfill

    def cancel_backfill(self, backfill_id: uuid.UUID | str) -> Backfill:
        """End a running backfill; what it has classified stays."""
        path = f"/api/v1/backfills/{segment(backfill_id)}/cancel"
        return read_answer(self._transport.send("POST", path), Backfill.from_document)
