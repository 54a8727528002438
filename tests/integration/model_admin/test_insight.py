"""Versions compared by a real database: figures worked out by hand, and at random."""
from __future__ import annotations

import random
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from common.config import Settings
from common.db import Database
from common.errors import DatabaseUnavailable, InvalidValue
from model_admin.insight.repository import PostgresComparisonReader, Question, Row
from common.histograms import CONFIDENCE_BINS, LATENCY_BOUNDS_MS
from tests.databases import add_model, connect, query
from tests.environments import settings
from tests.fakes.comparisons import Given, InMemoryComparisonReader

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
VERSIONS = ("v1", "v2", "v3")

BACKFILL = """
    INSERT INTO backfills (backfill_id, model_version, filter, pictures_per_second, total,
        created_by)
    VALUES (%s, %s, '{}', 1, 1, gen_random_uuid())"""
PICTURE = """
    WITH owner AS (
        INSERT INTO users (user_id, email) VALUES (%s, 'ada@example.org') ON CONFLICT DO NOTHING)
    INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes, sha256,
        width, height, source)
    VALUES (%s, %s, 'cup.jpg', %s, 'image/jpeg', 1, sha256(''), 1, 1, 'http')
    ON CONFLICT DO NOTHING"""
PREDICTION = """
    INSERT INTO predictions (prediction_id, image_id, user_id, model_version, predicted_class,
        confidence_score, prediction_time_ms, created_at, backfill_id, source, top_k, request_id,
        engine, model_digest, preprocessing_digest)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '[]', 'request-1', 'litert', 'a', 'c')"""
SHADOW = """
    INSERT INTO shadow_predictions (prediction_id, model_version, predicted_class,
        confidence_score, prediction_time_ms, created_at, top_k, engine, model_digest,
        preprocessing_digest)
    VALUES (%s, %s, %s, %s, %s, %s, '[]', 'litert', 'a', 'c')"""
OWNER = uuid.uuid4()


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database with three versions and no answers."""
    for table in ("shadow_predictions", "predictions", "backfills", "images", "users",
                  "model_versions"):
        query(module_settings, f"DELETE FROM {table}")
    for version in VERSIONS:
        add_model(module_settings, version)
    return module_settings


@pytest.fixture
def reader(database: Database) -> PostgresComparisonReader:
    return PostgresComparisonReader(database)


def store(settings: Settings, answers: list[Given]) -> None:
    """Write answers as predict and backfills do; each backfill's answer is of one of its own."""
    ids: dict[int, uuid.UUID] = {}
    with closing(connect(settings)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        for given in answers:
            own = ids[id(given)] = uuid.uuid4()
            says = (given.predicted_class, given.confidence, given.ms, given.at)
            if given.kind == "shadow":
                cursor.execute(SHADOW, (ids[id(given.beside)], given.version, *says))
                continue
            image, backfill = uuid.UUID(int=given.picture), None
            cursor.execute(PICTURE, (OWNER, image, OWNER, str(image)))
            if given.kind == "backfill":
                backfill = uuid.uuid4()
                cursor.execute(BACKFILL, (backfill, given.version))
            cursor.execute(PREDICTION, (
                own, image, OWNER, given.version, *says, backfill,
                "backfill" if backfill else "http"))
        connection.commit()


def compare(reader: Any, basis: str, **changes: Any) -> Row:
    question = Question(**{"version": "v1", "other": "v2", "basis": basis, **changes})
    row: Row = reader.compare(question, CONFIDENCE_BINS, LATENCY_BOUNDS_MS)
    return row


def live(version: str, picture: int, says: str, minute: int = 0, **changes: Any) -> Given:
    return replace(Given(version, picture, NOON + timedelta(minutes=minute), says, 0.5, 10),
                   **changes)


def shadow(beside: Given, version: str, says: str, **changes: Any) -> Given:
    return replace(Given(version, beside.picture, beside.at, says, 0.5, 10, "shadow", beside),
                   **changes)


def test_shadow(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """Live answers and those of the shadow are paired, whichever of the two versions was live."""
    first, second, third, fourth, fifth = (
        live("v1", 1, "cup", confidence=0.75, ms=3),
        live("v1", 2, "cup", confidence=0.25, ms=40),
        live("v2", 3, "cup", confidence=1.0, ms=7000),
        live("v1", 4, "dog"), live("v1", 5, "cat"))
    store(database_settings, [
        first, shadow(first, "v2", "cup", confidence=0.5, ms=0),
        second, shadow(second, "v2", "espresso", confidence=0.125, ms=1),
        third, shadow(third, "v1", "espresso", confidence=0.0, ms=5),
        # Neither a version that is not asked for, nor an answer without a pair.
        fourth, shadow(fourth, "v3", "dog"), fifth])
    assert compare(reader, "shadow") == {
        "pictures": 3, "agreed": 1,
        "class_changes": [{"old": "cup", "new": "espresso", "pictures": 1},
                          {"old": "espresso", "new": "cup", "pictures": 1}],
        "distributions": {
            "v1": {
                "version": "v1", "answers": 3, "live": 2, "shadow": 1, "backfill": 0,
                "mean_confidence": pytest.approx(1 / 3), "p50": 5, "p95": 40, "p99": 40,
                "confidence_counts": [1, 0, 1, 0, 0, 0, 0, 1, 0, 0],
                "latency_counts": [0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]},
            "v2": {
                "version": "v2", "answers": 3, "live": 1, "shadow": 2, "backfill": 0,
                "mean_confidence": pytest.approx(1.625 / 3), "p50": 1, "p95": 7000, "p99": 7000,
                "confidence_counts": [0, 1, 0, 0, 0, 1, 0, 0, 0, 1],
                "latency_counts": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]}}}


def test_backfill(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """A backfill's answer is compared with the newest earlier one of the other version."""
    store(database_settings, [
        live("v1", 1, "too old", 0), live("v1", 1, "cup", 5),
        live("v2", 1, "espresso", 10, kind="backfill"), live("v1", 1, "too new", 15),
        live("v1", 2, "cup", 0), live("v2", 2, "cup", 10, kind="backfill"),
        # Not answered by v1 before, or not by v2 at all.
        live("v2", 3, "cup", 10, kind="backfill"), live("v1", 3, "cup", 20),
        live("v1", 4, "cup", 0), live("v3", 4, "cup", 10, kind="backfill"),
        # The other way round: v1 as a backfill after v2.
        live("v2", 5, "cup", 0), live("v1", 5, "mug", 10, kind="backfill")])
    row = compare(reader, "backfill")
    assert (row["pictures"], row["agreed"]) == (3, 1)
    assert row["class_changes"] == [{"old": "cup", "new": "espresso", "pictures": 1},
                                    {"old": "mug", "new": "cup", "pictures": 1}]
    assert [(each["answers"], each["live"], each["shadow"], each["backfill"])
            for each in row["distributions"].values()] == [(3, 2, 0, 1), (3, 1, 0, 2)]


def test_canary(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """A canary answers other pictures: there are no pairs, and live answers alone are counted."""
    first, second = live("v1", 1, "cup", ms=10), live("v2", 2, "cup", ms=90)
    store(database_settings, [
        first, shadow(first, "v2", "cup"), second,
        live("v1", 3, "cup", ms=20), live("v2", 1, "cup", 5, kind="backfill")])
    row = compare(reader, "canary")
    assert (row["pictures"], row["agreed"], row["class_changes"]) == (0, 0, [])
    assert [(each["answers"], each["live"], each["p50"], each["p95"])
            for each in row["distributions"].values()] == [(2, 2, 10, 20), (1, 1, 90, 90)]


def test_all(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """A picture with several pairs counts once, with the newest; every answer is counted."""
    first = live("v1", 1, "cup")
    store(database_settings, [
        first, shadow(first, "v2", "cup"), live("v2", 1, "espresso", 5, kind="backfill"),
        live("v1", 2, "cup"), live("v3", 2, "cup", 1)])
    row = compare(reader, "all")
    assert (row["pictures"], row["agreed"]) == (1, 0)
    assert [(each["version"], each["answers"], each["live"], each["shadow"], each["backfill"])
            for each in row["distributions"].values()] == [
        ("v1", 2, 2, 0, 0), ("v2", 2, 0, 1, 1)]


def test_percentiles(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """Of 200 latencies from 1 ms to 200 ms, half are at most 100 ms, 95 % 190, 99 % 198."""
    store(database_settings, [live("v1", 1, "cup", ms=ms) for ms in range(1, 201)])
    (one,) = compare(reader, "canary")["distributions"].values()
    assert (one["p50"], one["p95"], one["p99"]) == (100, 190, 198)
    assert one["latency_counts"] == [0, 1, 3, 5, 10, 30, 50, 100, 1, 0, 0, 0, 0]


def test_times(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """The beginning is included and the end is not, by the time of the newer answer of a pair."""
    early, late = live("v1", 1, "cup", 0), live("v1", 2, "cup", 10)
    store(database_settings, [
        early, shadow(early, "v2", "cup"), late, shadow(late, "v2", "cup"),
        live("v2", 1, "dog", 10, kind="backfill"), live("v2", 2, "dog", 20, kind="backfill")])
    window = {"since": NOON, "until": NOON + timedelta(minutes=10)}
    assert [compare(reader, basis, **window)["pictures"]
            for basis in ("shadow", "backfill", "all")] == [1, 0, 1]
    window = {"since": NOON + timedelta(minutes=10), "until": NOON + timedelta(minutes=20)}
    assert [compare(reader, basis, **window)["pictures"]
            for basis in ("shadow", "backfill", "all")] == [1, 1, 2]
    assert compare(reader, "all", **window)["distributions"]["v1"]["answers"] == 1


def test_most_frequent_changes(
    reader: PostgresComparisonReader, database_settings: Settings,
) -> None:
    """So many changes as asked for are told, the most frequent first, then by name."""
    answers: list[Given] = []
    for picture, says in enumerate(["b", "a", "B", "ä 100%", "a"]):
        answers.append(live("v1", picture, "cup"))
        answers.append(shadow(answers[-1], "v2", says))
    store(database_settings, answers)
    changes = compare(reader, "shadow", most_changes=3)["class_changes"]
    assert [(each["new"], each["pictures"]) for each in changes] == [("a", 2), ("B", 1), ("b", 1)]
    assert len(compare(reader, "shadow")["class_changes"]) == 4


@pytest.mark.parametrize("seed", range(3))
def test_random(
    reader: PostgresComparisonReader, database_settings: Settings, seed: int,
) -> None:
    """The database and the plain way, picture by picture, come to the same report."""
    chance, plain = random.Random(seed), InMemoryComparisonReader(*VERSIONS)
    for minute in chance.sample(range(200), 120):
        given = live(
            chance.choice(VERSIONS), chance.randrange(25), chance.choice("abc"), minute,
            confidence=chance.randrange(65) / 64, ms=int(10 ** chance.uniform(-0.5, 4)),
            kind=chance.choice(["live", "live", "backfill"]))
        plain.answers.append(given)
        others = [version for version in VERSIONS if version != given.version]
        if given.kind == "live" and chance.random() < 0.5:
            plain.answers.append(shadow(given, chance.choice(others), chance.choice("abc"),
                                        confidence=chance.randrange(65) / 64))
    store(database_settings, plain.answers)
    for basis in ("shadow", "backfill", "canary", "all"):
        for window in ({}, {"since": NOON + timedelta(minutes=40),
                            "until": NOON + timedelta(minutes=150)}):
            assert compare(reader, basis, most_changes=4, **window) == compare(
                plain, basis, most_changes=4, **window)


def test_registered(reader: PostgresComparisonReader, database_settings: Settings) -> None:
    """Deleted versions can be compared as well: their answers are still there."""
    query(database_settings, "UPDATE model_versions SET state = 'deleted' WHERE version = 'v2'")
    assert reader.registered(["v1", "v2", "v4"]) == {"v1", "v2"}


def test_too_many(database: Database, database_settings: Settings) -> None:
    """What takes too long ends with advice, and the connection serves the next one."""
    store(database_settings, [live("v1", 1, "cup")])
    reader = PostgresComparisonReader(database, timeout="100ms")
    with closing(connect(database_settings)) as rival, rival.cursor() as cursor:
        rival.autocommit = False
        cursor.execute("LOCK TABLE predictions")
        with pytest.raises(InvalidValue, match="narrow them down with from and to"):
            compare(reader, "all")
    row = compare(PostgresComparisonReader(database), "all")
    assert row["distributions"]["v1"]["answers"] == 1


def test_outage() -> None:
    """Without a database there is no report."""
    reader = PostgresComparisonReader(Database(settings(), size=1))
    with pytest.raises(DatabaseUnavailable):
        compare(reader, "all")
    with pytest.raises(DatabaseUnavailable):
        reader.registered(["v1"])
