"""The fakes that the tests of history trust do what the real readers do."""
from __future__ import annotations

import pytest

from history.predictions.repository import Row
from tests.contracts.feedback import LABELS, FeedbackContract
from tests.contracts.history import (
    AddImage,
    AddPrediction,
    ImageReaderContract,
    PredictionReaderContract,
    StatsReaderContract,
)
from tests.fakes.feedback import InMemoryFeedback
from tests.fakes.history import (
    InMemoryImageReader, InMemoryPredictionReader, InMemoryStatsReader)


class TestInMemoryPredictionReader(PredictionReaderContract):
    """The list of dictionaries."""

    @pytest.fixture
    def reader(self) -> InMemoryPredictionReader:
        return InMemoryPredictionReader()

    @pytest.fixture
    def add(self, reader: InMemoryPredictionReader) -> AddPrediction:
        return reader.rows.append


class TestInMemoryStatsReader(StatsReaderContract):
    """The list of dictionaries, counted."""

    @pytest.fixture
    def stats(self) -> InMemoryStatsReader:
        return InMemoryStatsReader()

    @pytest.fixture
    def add(self, stats: InMemoryStatsReader) -> AddPrediction:
        return stats.rows.append


class TestInMemoryFeedback(FeedbackContract):
    """What was said, beside the dictionaries."""

    @pytest.fixture
    def rows(self) -> list[Row]:
        return []

    @pytest.fixture
    def feedback(self, rows: list[Row]) -> InMemoryFeedback:
        feedback = InMemoryFeedback(rows)
        feedback.labels["v1"] = LABELS
        return feedback

    @pytest.fixture
    def reader(self, rows: list[Row]) -> InMemoryPredictionReader:
        reader = InMemoryPredictionReader()
        reader.rows = rows
        return reader

    @pytest.fixture
    def add(self, rows: list[Row]) -> AddPrediction:
        return rows.append


class TestInMemoryImageReader(ImageReaderContract):
    """The list of pictures."""

    @pytest.fixture
    def reader(self) -> InMemoryImageReader:
        return InMemoryImageReader()

    @pytest.fixture
    def add(self, reader: InMemoryImageReader) -> AddImage:
        return reader.images.append
