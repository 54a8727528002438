"""The audit log on a real PostgreSQL: written with what it tells of, and never rewritten."""
from __future__ import annotations

import uuid

import psycopg2
import pytest

from common.audit import Origin, PostgresAuditTrail, write_audit
from common.config import Settings
from common.db import Database
from tests.databases import query


def lines(settings: Settings) -> list[dict[str, object]]:
    return query(settings, "SELECT actor, action, subject, detail, request_id, remote_address, "
                           "now() - at < interval '1 minute' AS recent FROM audit_log")


def test_line(database: Database, database_settings: Settings) -> None:
    """A line says who did what to what, when, from where, in which request."""
    actor = uuid.uuid4()
    with database.transaction() as connection:
        write_audit(connection, Origin(actor, "request-1", "192.0.2.7"), "model.activated", "v1",
                    {"before": "v0"})
        write_audit(connection, Origin(), "model.load_failed", "v2")
    assert lines(database_settings) == [
        {"actor": actor, "action": "model.activated", "subject": "v1",
         "detail": {"before": "v0"}, "request_id": "request-1", "remote_address": "192.0.2.7",
         "recent": True},
        {"actor": None, "action": "model.load_failed", "subject": "v2", "detail": {},
         "request_id": None, "remote_address": None, "recent": True},
    ]


def test_on_behalf(database: Database, database_settings: Settings) -> None:
    """Of what a service did for a user, both are known."""
    user, service = uuid.uuid4(), uuid.uuid4()
    PostgresAuditTrail(database).write(
        Origin(user, service=service), "image.delete", "7", {"by_owner": True})
    (line,) = lines(database_settings)
    assert (line["actor"], line["detail"]) == (
        user, {"by_owner": True, "service": str(service)})


def test_undone_with_its_transaction(database: Database, database_settings: Settings) -> None:
    """What did not happen is not in the log."""
    with pytest.raises(RuntimeError), database.transaction() as connection:
        write_audit(connection, Origin(), "model.activated", "v1")
        raise RuntimeError
    assert lines(database_settings) == []


@pytest.mark.parametrize("statement", [
    "UPDATE audit_log SET action = 'nothing'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_append_only(
    database: Database, database_settings: Settings, statement: str,
) -> None:
    """Lines are neither changed nor removed."""
    with database.transaction() as connection:
        write_audit(connection, Origin(), "model.activated", "v1")
    with pytest.raises(psycopg2.errors.RaiseException, match="append-only"):
        query(database_settings, statement)
    assert len(lines(database_settings)) == 1
