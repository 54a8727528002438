"""Whatever the history is asked, it finds rows by an index and reads no table from end to end."""
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosql
import pytest
from psycopg2.extensions import connection as Connection

from common.config import Settings
from history.feedback import repository as feedback
from history.images import repository as images
from history.predictions import repository as predictions
from history.users import repository as users
from tests.databases import add_model, connect, query, temporary_database

ROWS = 50_000
ADA = uuid.UUID(int=0)
NOBODY: dict[str, Any] = dict.fromkeys((
    "predicted_class", "min_confidence", "model_version", "source", "since", "until",
    "cursor_time", "cursor_id"))
ONE = {"prediction_id": uuid.UUID(int=7), "image_id": uuid.UUID(int=7), "owner": ADA}
UNCERTAIN = {"user_id": ADA, "limit": 21}
MARCH = {"since": "2025-03-01T00:00Z", "until": "2025-04-01T00:00Z"}
CURSOR = {"cursor_time": "2025-06-01T00:00Z", "cursor_id": uuid.UUID(int=7)}
FILTERS: list[dict[str, Any]] = [
    {}, {"predicted_class": "class 7"}, {"min_confidence": 0.9}, {"model_version": "v1"},
    {"source": "bucket"}, MARCH, {"predicted_class": "class 7", "min_confidence": 0.9, **MARCH}]
FILL = """
    INSERT INTO users (user_id, email)
    SELECT lpad(to_hex(number), 32, '0')::uuid, number || '@example.org'
    FROM generate_series(0, 99) AS number;
    INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes)
    SELECT lpad(to_hex(number), 32, '0')::uuid, lpad(to_hex(mod(number, 100)), 32, '0')::uuid,
        'cup.jpg', number::text, 'image/jpeg', number
    FROM generate_series(1, {rows}) AS number;
    INSERT INTO predictions (
        prediction_id, image_id, user_id, model_version, predicted_class, confidence_score,
        prediction_time_ms, source, created_at, top_k)
    SELECT image_id, image_id, user_id, 'v' || 1 + size_bytes * 2 / ({rows} + 1),
        'class ' || mod(size_bytes, 31), mod(size_bytes, 1000) / 1000.0, 1, 'http',
        timestamptz '2025-01-01' + size_bytes * interval '10 minutes',
        jsonb_build_array(jsonb_build_object('confidence', mod(size_bytes, 1000) / 1000.0))
    FROM images;
    ANALYZE"""


@pytest.fixture(scope="module")
def filled(servers: Settings, template: str) -> Iterator[Connection]:
    """A database with 500 predictions of each of a hundred users."""
    with temporary_database(servers, template) as own:
        for version in ("v1", "v2"):
            add_model(own, version)
        query(own, FILL.format(rows=ROWS))
        with closing(connect(own)) as connection:
            yield connection


def scans(plan: Any) -> Iterator[tuple[str, str]]:
    """The kind of each reading of a table in a plan, and which table."""
    if "Relation Name" in plan:
        yield plan["Node Type"], plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


def explained(connection: Connection, statement: str, values: dict[str, Any]) -> set[
        tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT json) {statement}", values)
        (row,) = cursor.fetchall()
    return set(scans(row["QUERY PLAN"][0]["Plan"]))


def questions() -> Iterator[tuple[Any, str, dict[str, Any]]]:
    for filters in FILTERS:
        listed = {"user_id": ADA, **NOBODY, **filters, "limit": 21, "offset": 0}
        yield predictions, "list_predictions", listed
        yield predictions, "list_predictions", {**listed, **CURSOR}
        yield predictions, "count_predictions", listed
    yield feedback, "list_uncertain", {**UNCERTAIN, "cursor_margin": None, "cursor_id": None}
    yield feedback, "list_uncertain", {
        **UNCERTAIN, "cursor_margin": 0.5, "cursor_id": uuid.UUID(int=7)}
    yield feedback, "find_subject", {**ONE, "label": "cup"}
    yield predictions, "add_counts_up", {"user_id": ADA, **NOBODY}
    yield predictions, "find_prediction", ONE
    yield images, "find_image", ONE
    yield users, "find_user", {"user_id": ADA}


@pytest.mark.parametrize(
    ("module", "name", "values"), [*questions()],
    ids=lambda value: value if isinstance(value, str) else "" if not isinstance(value, dict)
    else "-".join(key for key, each in value.items() if each is not None))
def test_plan(filled: Connection, module: Any, name: str, values: dict[str, Any]) -> None:
    """Predictions and images are read by an index, in every listing and every lookup."""
    queries: Any = aiosql.from_path(
        Path(module.__file__).with_name("queries.sql"), "psycopg2", mandatory_parameters=False)
    found = explained(filled, getattr(queries, name).sql, values)
    assert found
    for kind, relation in found:
        assert relation not in ("predictions", "images") or kind != "Seq Scan", json.dumps(
            sorted(found))
