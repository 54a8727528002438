"""The in-memory keys keep the contract, so that tests built on them can be believed."""
from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from predict.idempotency.repository import StoredAnswer
from tests.contracts.idempotency import KeysContract
from tests.fakes.keys import InMemoryKeys, stored_answer
from tests.fakes.repository import InMemoryPredictionRepository


class OfficeInMemory:
    """Both halves of the contract in dictionaries."""

    def __init__(self) -> None:
        self.repository = InMemoryPredictionRepository()
        self.keys = InMemoryKeys(self._answer)
        self.repository.complete_key = self.keys.complete

    def let_pass(self, time: timedelta) -> None:
        for row in self.keys.rows.values():
            row.created_at -= time

    def erase(self, prediction_id: uuid.UUID) -> None:
        del self.repository.predictions[prediction_id]
        for row in self.keys.rows.values():
            if row.prediction_id == prediction_id:
                row.request_digest = None

    def count(self) -> int:
        return len(self.keys.rows)

    def _answer(self, prediction_id: uuid.UUID) -> StoredAnswer | None:
        found = self.repository.predictions.get(prediction_id)
        return found and stored_answer(prediction_id, found)


@pytest.fixture
def office() -> OfficeInMemory:
    return OfficeInMemory()


class TestInMemoryKeys(KeysContract):
    """The fake that other tests trust."""

    @pytest.fixture
    def unreachable_keys(self) -> InMemoryKeys:
        keys = InMemoryKeys(lambda prediction_id: None)
        keys.down = True
        return keys
