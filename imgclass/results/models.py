"""Model versions."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant, optional_instant


@dataclass(frozen=True)
class Model:
    """A registered model; `state` is validating, ready, rejected or deleted.

    `canary_percent` is the share of the users it answers without being the active one; a
    `shadow` model watches and never answers.
    `digest` is the archive's and `twin_digest` the compiled model's, SHA-256 in hexadecimal.
    `manifest` and `report` are empty where models are listed; `report` also until validated.
    """

    version: str
    name: str
    state: str
    is_active: bool
    canary_percent: int
    shadow: bool
    digest: str
    twin_digest: str | None
    size_bytes: int
    created_at: datetime
    validated_at: datetime | None
    activated_at: datetime | None
    manifest: Document
    report: Document

    @property
    def role(self) -> str:
        """What the model does at the moment; empty if nothing."""
        roles = {"active": self.is_active, f"canary {self.canary_percent} %": self.canary_percent,
                 "shadow": self.shadow}
        return ", ".join(role for role, holds in roles.items() if holds)

    @property
    def reason(self) -> str:
        """Why the model was rejected; empty if it was not."""
        return str(self.report.get("reason") or "")

    @classmethod
    def from_document(cls, document: Document) -> Model:
        return cls(
            version=str(document["version"]),
            name=str(document["name"]),
            state=str(document["state"]),
            is_active=bool(document["is_active"]),
            canary_percent=int(document.get("canary_percent") or 0),
            shadow=bool(document.get("shadow")),
            digest=str(document["digest"]),
            twin_digest=document["twin_digest"],
            size_bytes=int(document["size_bytes"]),
            created_at=instant(document["created_at"]),
            validated_at=optional_instant(document["validated_at"]),
            activated_at=optional_instant(document["activated_at"]),
            manifest=document.get("manifest") or {},
            report=document.get("report") or {},
        )
