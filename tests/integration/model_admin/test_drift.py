"""Drift measured by a real database: against the same worked out in Python, and what is left out.
"""
from __future__ import annotations

import math
import random
import uuid
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest
from psycopg2.extras import execute_values

from common.config import Settings
from common.db import Database
from common.errors import InvalidValue
from model_admin.drift.repository import BINS, LEAST_ANSWERS, Drift, PostgresDriftReader, Span
from tests.databases import add_model, connect, query

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
SPAN = Span(NOON - 2 * DAY, NOON - DAY, NOON)
OWNER = str(uuid.uuid4())
# An answer: its class, confidence, the picture's brightness.
Answer = tuple[str, float, "float | None"]


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database with two versions and no answers."""
    for table in ("predictions", "backfills", "images", "users", "model_versions"):
        query(module_settings, f"DELETE FROM {table}")
    query(module_settings, "INSERT INTO users VALUES (%s, 'ada@example.org')", OWNER)
    for version in ("v1", "v2"):
        add_model(module_settings, version)
    return module_settings


@pytest.fixture
def reader(database: Database) -> PostgresDriftReader:
    return PostgresDriftReader(database)


def store(
    settings: Settings, answers: Sequence[Answer], at: datetime, version: str = "v1",
    backfill: str | None = None,
) -> None:
    """Write answers as predict does, or a backfill."""
    ids = [str(uuid.uuid4()) for _ in answers]
    with closing(connect(settings)) as connection, connection.cursor() as cursor:
        execute_values(cursor, """
            INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes,
                brightness)
            VALUES %s""", [(each, OWNER, "cup.jpg", each, "image/jpeg", 1, brightness)
                           for each, (_, _, brightness) in zip(ids, answers, strict=True)])
        execute_values(cursor, """
            INSERT INTO predictions (image_id, user_id, model_version, predicted_class,
                confidence_score, prediction_time_ms, created_at, backfill_id, source)
            VALUES %s""", [(each, OWNER, version, name, confidence, 1, at, backfill,
                            "backfill" if backfill else "http")
                           for each, (name, confidence, _) in zip(ids, answers, strict=True)])


def psi(recent: Sequence[Hashable], earlier: Sequence[Hashable]) -> float:
    """The index of two populations of bins, with half an answer more in each bin."""
    now, before = Counter(recent), Counter(earlier)
    bins, total = {*now, *before}, 0.0
    for each in bins:
        w = (now[each] + 0.5) / (len(recent) + len(bins) / 2)
        b = (before[each] + 0.5) / (len(earlier) + len(bins) / 2)
        total += (w - b) * math.log(w / b)
    return total


def bin_of(value: float) -> int:
    return min(int(value * BINS), BINS - 1)


def some(seed: int, count: int, confidence: float) -> list[Answer]:
    """Answers of many classes, whose confidence is mostly around a value."""
    chance = random.Random(seed)
    return [(f"class {int(chance.expovariate(0.2))}",
             min(max(chance.gauss(confidence, 0.2), 0.0), 1.0),
             chance.choice((None, chance.random()))) for _ in range(count)]


def measured(found: list[Drift]) -> dict[tuple[str, str], Drift]:
    return {(each.model_version, each.feature): each for each in found}


def test_worked_out(reader: PostgresDriftReader, database_settings: Settings) -> None:
    """Of confidence, brightness and classes the index is the one of the textbook."""
    earlier, recent = some(1, 900, 0.7), some(2, 700, 0.5)
    store(database_settings, earlier, NOON - 2 * DAY)
    store(database_settings, recent, NOON - DAY)
    found = measured(reader.measure(SPAN))
    assert list(found) == [("v1", "brightness"), ("v1", "class_mix"), ("v1", "confidence")]
    frequent = Counter(name for name, _, _ in earlier + recent)
    order = sorted(frequent, key=lambda name: (-frequent[name], name))[:BINS - 1]
    for feature, bins in {
        "class_mix": [[name if name in order else None for name, _, _ in answers]
                      for answers in (recent, earlier)],
        "confidence": [[bin_of(value) for _, value, _ in answers]
                       for answers in (recent, earlier)],
        "brightness": [[bin_of(value) for _, _, value in answers if value is not None]
                       for answers in (recent, earlier)],
    }.items():
        drift = found["v1", feature]
        assert (drift.recent, drift.earlier) == (len(bins[0]), len(bins[1])), feature
        assert drift.psi == pytest.approx(psi(*bins)), feature
    assert found["v1", "confidence"].psi > 0.25  # type: ignore[operator]
    assert found["v1", "class_mix"].psi < 0.1  # type: ignore[operator]


def test_too_few(reader: PostgresDriftReader, database_settings: Settings) -> None:
    """With too few answers on either side there is no index, but how many there are is told."""
    store(database_settings, some(1, LEAST_ANSWERS, 0.5), NOON - 2 * DAY)
    store(database_settings, some(2, LEAST_ANSWERS - 1, 0.5), NOON - DAY)
    few = measured(reader.measure(SPAN))["v1", "confidence"]
    assert (few.recent, few.earlier, few.psi) == (LEAST_ANSWERS - 1, LEAST_ANSWERS, None)
    store(database_settings, some(3, 1, 0.5), NOON - DAY)
    assert measured(reader.measure(SPAN))["v1", "confidence"].psi is not None


def test_old_rows(reader: PostgresDriftReader, database_settings: Settings) -> None:
    """Of pictures whose brightness nobody noted there is none to measure."""
    store(database_settings, [("cup", 1.0, None)] * 300, NOON - 2 * DAY)
    store(database_settings, [("cup", 1.0, None)] * 300, NOON - DAY)
    found = measured(reader.measure(SPAN))
    assert {feature: each.psi for (_, feature), each in found.items()} == {
        "class_mix": 0, "confidence": 0}


def test_chosen(reader: PostgresDriftReader, database_settings: Settings) -> None:
    """Versions are measured by themselves, and neither what backfills answer nor other times
    count."""
    backfill = str(uuid.uuid4())
    query(database_settings, """
        INSERT INTO backfills (backfill_id, model_version, filter, pictures_per_second, total,
            created_by)
        VALUES (%s, 'v1', '{}', 1, 1, gen_random_uuid())""", backfill)
    one = [("cup", 0.5, 0.5)]
    store(database_settings, one * 2, NOON - 2 * DAY)
    store(database_settings, one * 3, NOON - DAY)
    store(database_settings, one * 5, NOON - DAY, "v2")
    store(database_settings, one * 7, NOON - DAY, backfill=backfill)
    store(database_settings, one * 11, NOON)
    store(database_settings, one * 13, NOON - 2 * DAY - timedelta(microseconds=1))
    found = measured(reader.measure(SPAN))
    assert (found["v1", "confidence"].recent, found["v1", "confidence"].earlier) == (3, 2)
    assert (found["v2", "confidence"].recent, found["v2", "confidence"].earlier) == (5, 0)
    assert {each.model_version for each in reader.measure(SPAN, "v2")} == {"v2"}
    assert reader.measure(SPAN, "v9") == []


def test_registered(reader: PostgresDriftReader, database_settings: Settings) -> None:
    """Versions are known by their exact names."""
    assert [reader.is_registered(each) for each in ("v1", "V1", "v9")] == [True, False, False]


def test_too_long(database: Database, database_settings: Settings) -> None:
    """What cannot be measured in time is refused, and how to ask for less."""
    store(database_settings, some(1, 3000, 0.5), NOON - DAY)
    with pytest.raises(InvalidValue, match="shorter window"):
        PostgresDriftReader(database, "1ms").measure(SPAN)
