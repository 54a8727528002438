"""The in-memory repository keeps the contract, so that tests built on it can be believed."""
from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from common.errors import CommitUnknown
from predict.repository import PredictionRecord, ShadowRecord
from tests.contracts.prediction_repository import PredictionRepositoryContract, Stored
from tests.fakes.repository import InMemoryPredictionRepository
from tests.records import record


class StoredInMemory:
    """Looks into the dictionaries."""

    def __init__(self, repository: InMemoryPredictionRepository) -> None:
        self._repository = repository

    def emails(self) -> dict[uuid.UUID, str]:
        return self._repository.users

    def prediction(self, prediction_id: uuid.UUID) -> PredictionRecord:
        found = self._repository.predictions[prediction_id]
        return replace(found, email=self._repository.users[found.user_id])

    def shadows(self) -> list[ShadowRecord]:
        return list(self._repository.shadows.values())

    def counts(self) -> tuple[int, int, int]:
        predictions = self._repository.predictions
        images = {each.image_id for each in predictions.values()}
        return len(self._repository.users), len(images), len(predictions)


class TestInMemoryPredictionRepository(PredictionRepositoryContract):
    """The fake that other tests trust."""

    @pytest.fixture
    def repository(self) -> InMemoryPredictionRepository:
        return InMemoryPredictionRepository("v1", "v2")

    @pytest.fixture
    def stored(self, repository: InMemoryPredictionRepository) -> Stored:
        return StoredInMemory(repository)

    @pytest.fixture
    def unreachable_repository(self) -> InMemoryPredictionRepository:
        repository = InMemoryPredictionRepository()
        repository.down = True
        return repository

    def test_lost_commit(self, repository: InMemoryPredictionRepository, stored: Stored) -> None:
        """It can store and then lose the connection, as a database may."""
        repository.loses_commits = True
        with pytest.raises(CommitUnknown):
            repository.record(record())
        assert stored.counts() == (1, 1, 1)
