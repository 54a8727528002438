"""The contracts of PredictionReader, StatsReader and ImageReader."""
from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from common.cursors import Position
from history.images.repository import Image, ImageReader
from history.predictions.repository import EXPORTED, Filters, PredictionReader, Row
from history.stats.repository import MOST_CLASSES, Selection, StatsReader
from tests.fakes.history import LISTED, NOON, image, prediction

ADA, BOB = uuid.uuid4(), uuid.uuid4()
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)

AddPrediction = Callable[[Row], None]
AddImage = Callable[[Image], None]


def ids(rows: list[Row]) -> list[uuid.UUID]:
    return [row["prediction_id"] for row in rows]


class PredictionReaderContract:
    """Subclasses give the fixtures `reader`, without rows, and `add`, which stores one."""

    @pytest.fixture
    def ties(self, add: AddPrediction) -> list[Row]:
        """Thirty predictions of Ada's in three instants, newest first, stored in any order."""
        rows = [prediction(ADA, created_at=NOON + SECOND * (number % 3)) for number in range(30)]
        random.Random(0).shuffle(rows)
        for row in rows:
            add(row)
        rows.sort(key=lambda row: (row["created_at"], row["prediction_id"]), reverse=True)
        return rows

    def test_empty(self, reader: PredictionReader) -> None:
        """Who has no predictions gets an empty page."""
        assert reader.page(Filters(ADA), 10, 0, None) == ([], 0)

    def test_listed_fields(self, reader: PredictionReader, add: AddPrediction) -> None:
        """A listed prediction has exactly the fields of the list, as they were stored."""
        row = prediction(ADA, created_at=NOON + MICROSECOND, confidence_score=1 / 3)
        add(row)
        (listed,), total = reader.page(Filters(ADA), 10, 0, None)
        assert tuple(listed) == LISTED
        assert listed == {name: row[name] for name in LISTED}
        assert total == 1

    def test_newest_first(self, reader: PredictionReader, ties: list[Row]) -> None:
        """The newest come first; of equal age, the order is that of their ids, every time."""
        for _ in range(2):
            rows, total = reader.page(Filters(ADA), 100, 0, None)
            assert (ids(rows), total) == (ids(ties), 30)

    def test_pages(self, reader: PredictionReader, ties: list[Row]) -> None:
        """Limit and offset cut pages out of the list; the total stays that of the list."""
        pages = [reader.page(Filters(ADA), 7, offset, None) for offset in range(0, 42, 7)]
        assert [len(rows) for rows, _ in pages] == [7, 7, 7, 7, 2, 0]
        assert [found for rows, _ in pages for found in ids(rows)] == ids(ties)
        assert {total for _, total in pages} == {30}

    def test_position(self, reader: PredictionReader, ties: list[Row]) -> None:
        """Behind any row, also one of several of its instant, the rest of the list follows."""
        for index, row in enumerate(ties):
            position = Position(row["created_at"], row["prediction_id"])
            rows, total = reader.page(Filters(ADA), 100, 0, position)
            assert (ids(rows), total) == (ids(ties[index + 1:]), 30)

    @pytest.mark.parametrize(("filters", "chosen"), [
        ({"predicted_class": "tabby"}, "b"),
        ({"predicted_class": "tab%"}, ""),
        ({"predicted_class": "Tabby"}, ""),
        ({"min_confidence": 0.5}, "ab"),
        ({"min_confidence": 0.0}, "abc"),
        ({"min_confidence": 0.75}, "b"),
        ({"min_confidence": 1.0}, ""),
        ({"model_version": "v2"}, "c"),
        ({"source": "bucket"}, "bc"),
        ({"since": NOON + SECOND}, "bc"),
        ({"until": NOON + SECOND}, "a"),
        ({"since": NOON + SECOND, "until": NOON + 2 * SECOND}, "b"),
        ({"since": NOON + MICROSECOND, "until": NOON + SECOND}, ""),
        ({"since": datetime(1, 1, 1, tzinfo=timezone.utc)}, "abc"),
        ({"until": datetime.max.replace(tzinfo=timezone.utc)}, "abc"),
        ({"source": "bucket", "min_confidence": 0.5}, "b"),
    ])
    def test_filters(
        self, reader: PredictionReader, add: AddPrediction, filters: dict[str, Any], chosen: str,
    ) -> None:
        """Every filter, and two together, select rows and count what they select."""
        rows = {
            "a": prediction(ADA, confidence_score=0.5),
            "b": prediction(ADA, created_at=NOON + SECOND, predicted_class="tabby",
                            confidence_score=0.75, source="bucket"),
            "c": prediction(ADA, created_at=NOON + 2 * SECOND, confidence_score=0.25,
                            source="bucket", model_version="v2")}
        for row in (*rows.values(), *(prediction(BOB, **{
                name: row[name] for name in row if name not in ("prediction_id", "user_id")})
                for row in rows.values())):
            add(row)
        found, total = reader.page(Filters(ADA, **filters), 100, 0, None)
        assert ids(found) == ids([rows[name] for name in reversed(chosen)])
        assert total == len(chosen)

    def test_find(self, reader: PredictionReader, add: AddPrediction) -> None:
        """A prediction is found with its whole lineage."""
        row = prediction(ADA, created_at=NOON + MICROSECOND, twin_digest=None, engine="tensorflow")
        add(row)
        found = reader.find(row["prediction_id"], ADA)
        assert found == row
        assert found is not None and list(found) == list(row)

    def test_find_by_owner(self, reader: PredictionReader, add: AddPrediction) -> None:
        """Somebody else's prediction is found only by who owns everything."""
        row = prediction(ADA)
        add(row)
        assert reader.find(row["prediction_id"], BOB) is None
        assert reader.find(row["prediction_id"], None) == row
        assert reader.find(uuid.uuid4(), None) is None

    def test_export(self, reader: PredictionReader, ties: list[Row]) -> None:
        """All of a user's predictions come in the order of the list, with all their fields."""
        exported = [*reader.export(Filters(ADA))]
        assert ids(exported) == ids(ties)
        assert {tuple(row) for row in exported} == {EXPORTED}
        known = [name for name in EXPORTED if name in ties[0]]
        assert [{name: row[name] for name in known} for row in exported] == [
            {name: row[name] for name in known} for row in ties]
        image_id = ties[0]["image_id"]
        assert exported[0]["object_key"] == f"2026/01/31/{image_id}.jpg"
        assert (exported[0]["label"], exported[0]["comment"]) == (None, None)

    @pytest.mark.parametrize(("filters", "count"), [
        ({"predicted_class": "tabby"}, 1), ({"min_confidence": 0.75}, 2),
        ({"model_version": "v2"}, 1), ({"source": "bucket"}, 1),
        ({"since": NOON + SECOND}, 1), ({"until": NOON + SECOND}, 2)])
    def test_export_filtered(
        self, reader: PredictionReader, add: AddPrediction, filters: dict[str, Any], count: int,
    ) -> None:
        """The filters are those of the list."""
        add(prediction(ADA, predicted_class="tabby", model_version="v2", confidence_score=0.5))
        add(prediction(ADA, source="bucket"))
        add(prediction(ADA, created_at=NOON + SECOND))
        add(prediction(BOB))
        rows, _ = reader.page(Filters(ADA, **filters), 10, 0, None)
        assert ids([*reader.export(Filters(ADA, **filters))]) == ids(rows)
        assert len(rows) == count


class StatsReaderContract:
    """Subclasses give the fixtures `stats`, without rows, and `add`, which stores one."""

    def test_nothing_counted(self, stats: StatsReader) -> None:
        """Who has no predictions gets zeros, and neither mean nor percentiles."""
        row = stats.count(Selection(ADA, until=NOON))
        assert (row["to"], row["from"]) == (NOON, NOON - timedelta(days=30))
        assert (row["total"], row["classes"], row["by_day"], row["by_class"]) == (0, 0, [], [])
        assert row["mean_confidence"] is row["percentiles_ms"] is None
        assert row["confidence_counts"] == [0] * 10
        assert row["latency_counts"] == [0] * 13

    def test_counted(self, stats: StatsReader, add: AddPrediction) -> None:
        """Each prediction is in one day, one class and one bin, whose lower edge is its own."""
        for number, (confidence, latency) in enumerate(
                [(0.0, 0), (0.5, 1), (0.95, 5), (1.0, 9000)]):
            add(prediction(
                ADA, created_at=NOON + timedelta(hours=6 * number), confidence_score=confidence,
                prediction_time_ms=latency, predicted_class="tabby" if number else "cup"))
        row = stats.count(Selection(ADA, NOON, NOON + timedelta(days=1)))
        assert (row["total"], row["classes"]) == (4, 2)
        assert row["by_day"] == [{"day": "2026-01-31", "predictions": 2},
                                 {"day": "2026-02-01", "predictions": 2}]
        assert row["by_class"] == [{"predicted_class": "tabby", "predictions": 3},
                                   {"predicted_class": "cup", "predictions": 1}]
        assert row["mean_confidence"] == pytest.approx(0.6125)
        assert row["percentiles_ms"] == [1, 9000, 9000]
        assert row["confidence_counts"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]
        assert row["latency_counts"] == [1, 1, 0, 1, *[0] * 8, 1]

    def test_chosen(self, stats: StatsReader, add: AddPrediction) -> None:
        """Others', other versions' and other times' predictions are not counted."""
        chosen = {"created_at": NOON, "model_version": "v1"}
        add(prediction(ADA, **chosen))
        add(prediction(BOB, **chosen))
        add(prediction(ADA, **{**chosen, "model_version": "v2"}))
        add(prediction(ADA, **{**chosen, "created_at": NOON - MICROSECOND}))
        add(prediction(ADA, **{**chosen, "created_at": NOON + SECOND}))
        selection = Selection(ADA, NOON, NOON + SECOND, "v1")
        assert stats.count(selection)["total"] == 1

    def test_most_classes(self, stats: StatsReader, add: AddPrediction) -> None:
        """Of many classes the most frequent are named, of equal ones the first by name."""
        for number in range(MOST_CLASSES + 2):
            add(prediction(ADA, predicted_class=f"class-{number:02}"))
        add(prediction(ADA, predicted_class="class-13"))
        row = stats.count(Selection(ADA, NOON, NOON + SECOND))
        names = [each["predicted_class"] for each in row["by_class"]]
        assert names == ["class-13", *(f"class-{number:02}" for number in range(11))]
        assert (row["classes"], row["total"]) == (14, 15)


class ImageReaderContract:
    """Subclasses give the fixtures `reader`, without pictures, and `add`, which stores one."""

    def test_find(self, reader: ImageReader, add: AddImage) -> None:
        """A picture is found with everything known of it."""
        stored = image(ADA, filename="寸法 📷.png", content_type="image/png", size_bytes=1 << 33,
                       sha256="0123456789abcdef" * 4, source="bucket")
        add(stored)
        assert reader.find(stored.image_id, ADA) == stored

    def test_find_what_others_wrote(self, reader: ImageReader, add: AddImage) -> None:
        """Of a row with the seed's columns alone, digest and size in pixels are not known."""
        stored = image(ADA, sha256=None, width=None, height=None)
        add(stored)
        assert reader.find(stored.image_id, ADA) == stored

    def test_find_by_owner(self, reader: ImageReader, add: AddImage) -> None:
        """Somebody else's picture is found only by who owns everything."""
        stored = image(ADA)
        add(stored)
        assert reader.find(stored.image_id, BOB) is None
        assert reader.find(stored.image_id, None) == stored
        assert reader.find(uuid.uuid4(), None) is None
