"""The audit log on a real PostgreSQL keeps the contract; functions write into it."""
from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest
from psycopg2.extras import Json

from common.config import Settings
from common.db import Database
from model_admin.audit.repository import PostgresAuditReader, Row
from tests import tokens
from tests.contracts.audit_log import Add, AuditReaderContract
from tests.databases import environment_of, query
from tests.environments import settings
from tests.function_process import ROOT, FunctionProcess


class TestPostgresAuditReader(AuditReaderContract):
    """The real adapter."""

    @pytest.fixture
    def reader(self, database: Database) -> PostgresAuditReader:
        return PostgresAuditReader(database)

    @pytest.fixture
    def add(self, database_settings: Settings) -> Add:
        def add(row: Row) -> Row:
            columns = {**row, "detail": Json(row["detail"])}
            (stored,) = query(
                database_settings, f"INSERT INTO audit_log ({', '.join(columns)}) VALUES "
                f"({', '.join(['%s'] * len(columns))}) RETURNING audit_id", *columns.values())
            return {**stored, **row}
        return add

    @pytest.fixture
    def unreachable_reader(self) -> PostgresAuditReader:
        return PostgresAuditReader(Database(settings(), size=1))


@pytest.mark.parametrize("name", ["history", "model-admin", "predict"])
def test_refusals(name: str, database_settings: Settings, tmp_path: Path) -> None:
    """Each function writes down whom it has refused, at the latest when it ends."""
    user = uuid.uuid4()
    process = FunctionProcess("handler:app", ROOT / "functions" / name, {
        **environment_of(database_settings), "LOG_DIR": str(tmp_path)})
    path = {"history": "/api/v1/users/me", "predict": "/api/v1/uploads/" + str(user),
            "model-admin": "/api/v1/models"}[name]
    with process:
        for headers in ({}, tokens.bearer(user, exp=1), {"Authorization": "Bearer x"}):
            answer = httpx.get(
                f"http://{process.host}:{process.port}{path}", headers=headers, timeout=30)
            assert answer.status_code == 401
    (line,) = query(database_settings, "SELECT * FROM audit_log WHERE action = 'login.refused'")
    assert (line["actor"], line["remote_address"]) == (None, process.host)
    assert (line["detail"]["count"], line["detail"]["claims_to_be"]) == (3, [str(user)])
