"""The fakes that the tests of history trust do what the real readers do."""
from __future__ import annotations

import pytest

from tests.contracts.history import (
    AddImage,
    AddPrediction,
    ImageReaderContract,
    PredictionReaderContract,
    StatsReaderContract,
)
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


class TestInMemoryImageReader(ImageReaderContract):
    """The list of pictures."""

    @pytest.fixture
    def reader(self) -> InMemoryImageReader:
        return InMemoryImageReader()

    @pytest.fixture
    def add(self, reader: InMemoryImageReader) -> AddImage:
        return reader.images.append
