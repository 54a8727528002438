"""What is kept of how many predictions a user has is exact, whoever writes what and when."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from common.config import Settings
from tests.databases import (
    connect, dbmate, query, temporary_database, wait_for_lock)

ADA, BOB = uuid.uuid4(), uuid.uuid4()
COUNTED = """
    SELECT user_id, model_version, source, sum(predictions)::bigint AS predictions
    FROM prediction_counts
    GROUP BY user_id, model_version, source HAVING sum(predictions) <> 0"""
TRUTH = """
    SELECT user_id, model_version, source, count(*) AS predictions
    FROM predictions WHERE user_id IS NOT NULL GROUP BY user_id, model_version, source"""
# One statement and so one snapshot: what is counted wrongly or not at all.
WRONG = "(TABLE counted EXCEPT TABLE truth) UNION ALL (TABLE truth EXCEPT TABLE counted)"
DIFFERENCES = f"WITH counted AS ({COUNTED}), truth AS ({TRUTH}) {WRONG}"
INSERT = """
    INSERT INTO predictions (image_id, user_id, model_version, predicted_class, confidence_score,
        prediction_time_ms, source)
    SELECT image_id, user_id, %s, 'cup', 0.5, 1, %s
    FROM images, generate_series(1, %s) WHERE user_id = %s"""


def run(connection: Connection, statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(v) if isinstance(v, uuid.UUID) else v for v in values])


def people(settings: Settings) -> None:
    """Ada and Bob with a picture each, and two models."""
    query(settings, """
        INSERT INTO model_versions (version, model_path) VALUES ('v1', ''), ('v2', '')""")
    for person in (ADA, BOB):
        query(settings, "INSERT INTO users VALUES (%s, %s)", str(person), f"{person}@example.org")
        query(settings, """
            INSERT INTO images (user_id, filename, object_key, content_type, size_bytes)
            VALUES (%s, 'cup.jpg', %s, 'image/jpeg', 1)""", str(person), str(person))


@pytest.fixture
def peopled(database_settings: Settings) -> Settings:
    people(database_settings)
    return database_settings


@pytest.fixture
def session(peopled: Settings) -> Iterator[Connection]:
    with closing(connect(peopled)) as connection:
        yield connection


def test_every_kind_of_change(peopled: Settings, session: Connection) -> None:
    """Rows added, changed, moved to another user, to nobody, removed: the counts follow each."""
    for statement, values in (
        (INSERT, ("v1", "http", 3, ADA)), (INSERT, ("v1", "bucket", 2, ADA)),
        (INSERT, ("v2", "http", 4, BOB)),
        ("UPDATE predictions SET predicted_class = 'pot'", ()),
        ("UPDATE predictions SET model_version = 'v2' WHERE source = 'bucket'", ()),
        ("UPDATE predictions SET user_id = %s WHERE model_version = 'v1'", (BOB,)),
        ("UPDATE predictions SET user_id = NULL WHERE model_version = 'v1'", ()),
        ("DELETE FROM predictions WHERE model_version = 'v1'", ()),
        ("DELETE FROM predictions WHERE user_id = %s", (ADA,)),
        ("DELETE FROM predictions WHERE false", ()),
    ):
        run(session, statement, *values)
        assert query(peopled, DIFFERENCES) == [], statement
    assert [row["predictions"] for row in query(peopled, COUNTED)] == [4]
    run(session, "TRUNCATE predictions CASCADE")
    assert query(peopled, DIFFERENCES) == [] == query(peopled, TRUTH)


def test_added_up(peopled: Settings, session: Connection) -> None:
    """Adding the changes up alters no sum and leaves one row of each kind."""
    for _ in range(5):
        run(session, INSERT, "v1", "http", 2, ADA)
    run(session, INSERT, "v2", "http", 1, ADA)
    for _ in range(2):
        run(session, "SELECT add_prediction_counts_up(%s)", ADA)
        assert query(peopled, """
            SELECT change_id::int, predictions::int FROM prediction_counts ORDER BY model_version
            """) == [{"change_id": 0, "predictions": 10}, {"change_id": 0, "predictions": 1}]


def test_changes_are_added_up_by_those_who_write(peopled: Settings, session: Connection) -> None:
    """However often something is written, few changes are left to be summed."""
    run(session, "SELECT setseed(0.5)")
    for _ in range(600):
        run(session, INSERT, "v1", "http", 1, ADA)
    (row,) = query(peopled, "SELECT count(*) AS n FROM prediction_counts")
    assert row["n"] < 600
    assert query(peopled, DIFFERENCES) == []


def test_rolled_back(peopled: Settings, session: Connection) -> None:
    """What is rolled back was not counted, nor was what had been added up lost."""
    run(session, INSERT, "v1", "http", 2, ADA)
    session.autocommit = False
    run(session, INSERT, "v1", "http", 5, ADA)
    run(session, "SELECT add_prediction_counts_up(%s)", ADA)
    session.rollback()
    assert query(peopled, DIFFERENCES) == []
    assert [row["predictions"] for row in query(peopled, COUNTED)] == [2]


def test_writers_do_not_wait_for_each_other(peopled: Settings, session: Connection) -> None:
    """A transaction that has counted and added up, and does not end, keeps nobody waiting."""
    run(session, INSERT, "v1", "http", 1, ADA)
    session.autocommit = False
    run(session, INSERT, "v1", "http", 1, ADA)
    run(session, "SELECT add_prediction_counts_up(%s)", ADA)
    with closing(connect(peopled)) as other:
        run(other, "SET lock_timeout = 1")
        run(other, INSERT, "v1", "http", 1, ADA)
        run(other, "SELECT add_prediction_counts_up(%s)", ADA)
        run(other, "DELETE FROM predictions WHERE ctid = (SELECT min(ctid) FROM predictions)")
    session.commit()
    assert query(peopled, DIFFERENCES) == []


def test_side_by_side(peopled: Settings) -> None:
    """While writers insert, remove, add up and roll back, every snapshot has the exact counts."""
    stop = threading.Event()

    def write(number: int) -> None:
        person = (ADA, BOB)[number % 2]
        with closing(connect(peopled)) as own:
            own.autocommit = False
            for turn in range(60):
                run(own, INSERT, f"v{1 + turn % 2}", "http", 3, person)
                if turn % 3 == 0:
                    run(own, """
                        DELETE FROM predictions WHERE prediction_id IN (
                            SELECT prediction_id FROM predictions WHERE user_id = %s
                            LIMIT 4 FOR UPDATE SKIP LOCKED)""", person)
                if turn % 5 == 0:
                    run(own, "SELECT add_prediction_counts_up(%s)", person)
                if turn % 4 == 3:
                    own.rollback()
                own.commit()

    def look() -> int:
        looks = 0
        while not stop.is_set():
            assert query(peopled, DIFFERENCES) == []
            looks += 1
        return looks

    with ThreadPoolExecutor(5) as pool:
        looker = pool.submit(look)
        try:
            list(pool.map(write, range(4)))
        finally:
            stop.set()
        assert looker.result() > 0
    assert query(peopled, DIFFERENCES) == []
    assert len(query(peopled, COUNTED)) == 4


def test_a_user_leaves_no_count(peopled: Settings, session: Connection) -> None:
    """When a user's row goes, so do the counts."""
    run(session, INSERT, "v1", "http", 2, ADA)
    for table in ("predictions", "images", "users"):
        run(session, f"DELETE FROM {table} WHERE user_id = %s", ADA)
    assert query(peopled, "SELECT * FROM prediction_counts") == []


def test_filled_database(servers: Settings) -> None:
    """A database that is full, and is being written to, is migrated with exact counts."""
    with temporary_database(servers) as own, closing(connect(own)) as session:
        dbmate(own, "migrate", only="000[1-7]_*.sql")
        people(own)
        run(session, INSERT, "v1", "http", 3, ADA)
        run(session, INSERT, "v1", "http", 2, BOB)
        run(session, "UPDATE predictions SET user_id = NULL WHERE ctid = '(0,1)'")
        session.autocommit = False
        run(session, INSERT, "v2", "bucket", 2, BOB)
        with ThreadPoolExecutor(1) as pool:
            migrated = pool.submit(dbmate, own, "migrate")
            wait_for_lock(own)
            session.commit()
            migrated.result()
        assert query(own, DIFFERENCES) == []
        assert {row["predictions"] for row in query(own, COUNTED)} == {2}
