"""The audit log: who did what, when, from where."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from imgclass.api.base import Api
from imgclass.parameters import query
from imgclass.results.audit import AuditLine, AuditPage


class Audit(Api):
    """What an administrator does with the audit log."""

    def audit(
        self,
        actor: uuid.UUID | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditLine]:
        """Every line that matches, newest first, fetched as it is consumed.

        An `action` that ends with a dot stands for all that begin with it. `since` is included
        and `until` is not; both need a time zone.
        """
        asked = query(actor=actor, action=action, subject=subject, since=since, until=until)
        for page in self._pages("/api/v1/audit", AuditPage.from_document, asked):
            yield from page.lines
