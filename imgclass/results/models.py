"""Model versions."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant, optional_instant


@dataclass(frozen=True)
class Model:
    """A registered model; `state` is validating, ready or rejected.

    `digest` is the archive's and `twin_digest` the compiled model's, SHA-256 in hexadecimal.
    `manifest` and `report` are empty where models are listed; `report` also until validated.
    """

    version: str
    name: str
    state: str
    is_active: bool
    digest: str
    twin_digest: str | None
    size_bytes: int
    created_at: datetime
    validated_at: datetime | None
    activated_at: datetime | None
    manifest: Document
    report: Document

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
            digest=str(document["digest"]),
            twin_digest=document["twin_digest"],
            size_bytes=int(document["size_bytes"]),
            created_at=instant(document["created_at"]),
            validated_at=optional_instant(document["validated_at"]),
            activated_at=optional_instant(document["activated_at"]),
            manifest=document.get("manifest") or {},
            report=document.get("report") or {},
        )
