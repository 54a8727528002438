"""The readers of history on a real database."""
from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest

from common.cursors import Position
from common.config import Settings
from common.db import Database
from history.feedback.repository import PostgresFeedback
from history.images.repository import PostgresImageReader
from history.predictions.repository import Filters, PostgresPredictionReader
from history.stats.repository import PostgresStatsReader
from tests.contracts.feedback import LABELS, FeedbackContract
from tests.contracts.history import (
    ADA, ImageReaderContract, PredictionReaderContract, StatsReaderContract)
from tests.databases import query
from tests.fakes.history import NOON, prediction
from tests.integration.history.conftest import AddImage, AddPrediction


class TestPostgresPredictionReader(PredictionReaderContract):
    """The real reader of predictions."""

    @pytest.fixture
    def reader(self, database: Database) -> PostgresPredictionReader:
        return PostgresPredictionReader(database)

    @pytest.fixture
    def add(self, add_prediction: AddPrediction) -> AddPrediction:
        return add_prediction

    def test_rows_inserted_between_pages(
        self, reader: PostgresPredictionReader, add: AddPrediction,
    ) -> None:
        """While another connection writes, following cursors loses and doubles nothing."""
        old = [prediction(ADA, created_at=NOON + timedelta(seconds=number // 5))
               for number in range(40)]
        for row in old:
            add(row)
        stop, written = threading.Event(), []

        def write() -> None:
            while not stop.is_set():
                row = prediction(ADA, created_at=NOON + timedelta(days=1 + len(written)))
                add(row)
                written.append(row)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            seen: list[uuid.UUID] = []
            after = None
            while True:
                rows, total = reader.page(Filters(ADA), 3, 0, after)
                assert total >= 40
                if not rows:
                    break
                seen += [row["prediction_id"] for row in rows]
                after = Position(rows[-1]["created_at"], rows[-1]["prediction_id"])
        finally:
            stop.set()
            writer.join(30)
        assert written
        assert len(seen) == len(set(seen))
        assert set(seen) >= {row["prediction_id"] for row in old}


class TestPostgresStatsReader(StatsReaderContract):
    """The real counts."""

    @pytest.fixture
    def stats(self, database: Database) -> PostgresStatsReader:
        return PostgresStatsReader(database)

    @pytest.fixture
    def add(self, add_prediction: AddPrediction) -> AddPrediction:
        return add_prediction


class TestPostgresFeedback(FeedbackContract):
    """The real feedback."""

    @pytest.fixture
    def feedback(self, database: Database, database_settings: Settings) -> PostgresFeedback:
        query(database_settings, "UPDATE model_versions SET labels = %s WHERE version = 'v1'",
              LABELS)
        return PostgresFeedback(database)

    @pytest.fixture
    def reader(self, database: Database) -> PostgresPredictionReader:
        return PostgresPredictionReader(database)

    @pytest.fixture
    def add(self, add_prediction: AddPrediction) -> AddPrediction:
        return add_prediction


class TestPostgresImageReader(ImageReaderContract):
    """The real reader of pictures."""

    @pytest.fixture
    def reader(self, database: Database) -> PostgresImageReader:
        return PostgresImageReader(database)

    @pytest.fixture
    def add(self, add_image: AddImage) -> AddImage:
        return add_image
