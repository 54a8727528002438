"""Model versions in PostgreSQL."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extras import Json

from common.audit import Origin, write_audit
from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))

Row = dict[str, Any]


@dataclass(frozen=True)
class NewVersion:
    """A version about to be registered, and by whom; `digest` is its archive's SHA-256 in
    hexadecimal."""

    version: str
    model_path: str
    name: str
    digest: str
    size_bytes: int
    manifest: dict[str, Any]
    labels: list[str]
    origin: Origin


class VersionRepository(Protocol):
    """Keeps model versions. Every method raises DatabaseUnavailable."""

    def insert(self, version: NewVersion) -> bool:
        """Register a version as validating; False if there is one of that name already.

        That it was leaves a line in the audit log, in the same transaction.
        """

    def find(self, version: str) -> Row | None:
        """All that is known of a version."""

    def list(self) -> list[Row]:
        """Every version, newest first, without manifests and reports."""


class PostgresVersionRepository:
    """VersionRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, version: NewVersion) -> bool:
        parameters = {**asdict(version), "manifest": Json(version.manifest),
                      "registered_by": version.origin.actor}
        with self._database.transaction() as connection:
            inserted: int = _queries.insert_version(connection, **parameters)
            if inserted:
                write_audit(connection, version.origin, "model.register", version.version, {
                    "digest": version.digest, "size_bytes": version.size_bytes})
        return inserted == 1

    def find(self, version: str) -> Row | None:
        with self._database.transaction() as connection:
            row: Row | None = _queries.find_version(connection, version=version)
        return row

    def list(self) -> list[Row]:
        with self._database.transaction() as connection:
            return [*_queries.list_versions(connection)]
