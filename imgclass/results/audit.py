"""The audit log."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class AuditLine:
    """Who did what to what, when, from where; a machine is no actor."""

    audit_id: int
    at: datetime
    actor: uuid.UUID | None
    action: str
    subject: str
    detail: Mapping[str, Any]
    request_id: str | None
    remote_address: str | None

    @classmethod
    def from_document(cls, document: Document) -> AuditLine:
        actor = document["actor"]
        return cls(
            audit_id=int(document["audit_id"]),
            at=instant(document["at"]),
            actor=None if actor is None else uuid.UUID(actor),
            action=str(document["action"]),
            subject=str(document["subject"]),
            detail=dict(document["detail"]),
            request_id=document["request_id"],
            remote_address=document["remote_address"],
        )


@dataclass(frozen=True)
class AuditPage:
    """A page of lines, newest first."""

    lines: tuple[AuditLine, ...]
    next_cursor: str | None

    @classmethod
    def from_document(cls, document: Document) -> AuditPage:
        return cls(
            tuple(map(AuditLine.from_document, document["lines"])), document["next_cursor"])
