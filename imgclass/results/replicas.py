"""Predict processes and what they serve."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Served:
    """A loaded model; `digest` is its archive's, `engine` is litert or tensorflow."""

    version: str
    digest: str
    engine: str

    @classmethod
    def from_document(cls, document: Document) -> Served:
        return cls(str(document["version"]), str(document["digest"]), str(document["engine"]))


@dataclass(frozen=True)
class Replica:
    """A predict process as it reported last; `serving` is by role: active, canary or shadow.

    `problem` is why it does not serve all that it should.
    """

    replica_id: uuid.UUID
    host: str
    serving: Mapping[str, Served]
    problem: str | None
    seen_at: datetime

    def roles(self, version: str) -> dict[str, Served]:
        """The roles in which it serves a version."""
        return {role: served for role, served in self.serving.items()
                if served.version == version}

    @classmethod
    def from_document(cls, document: Document) -> Replica:
        return cls(
            replica_id=uuid.UUID(document["replica_id"]),
            host=str(document["host"]),
            serving={str(role): Served.from_document(served)
                     for role, served in document["serving"].items()},
            problem=document["problem"],
            seen_at=instant(document["seen_at"]),
        )
