"""The uploads in memory keep the contract of those in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contracts.uploads import CLASSIFIED, UploadsContract
from tests.fakes.uploads import InMemoryUploads


@dataclass
class AroundInMemory:
    """Puts events where the fake finds them."""

    fake: InMemoryUploads

    def emails(self) -> dict[uuid.UUID, str]:
        return self.fake.users

    def announce(self, object_key: str, state: str, **changes: Any) -> uuid.UUID:
        return self.fake.add_event(object_key, state, **changes)

    def classify(self, object_key: str, state: str) -> tuple[uuid.UUID, uuid.UUID]:
        prediction_id = uuid.uuid4()
        event_id = self.fake.add_event(
            object_key, state, prediction_id=prediction_id, **CLASSIFIED)
        return event_id, prediction_id

    def erase(self, prediction_id: uuid.UUID) -> None:
        for _, event in self.fake.events:
            if event["prediction_id"] == prediction_id:
                event.update(dict.fromkeys(CLASSIFIED))


class TestInMemoryUploads(UploadsContract):
    """The fake."""

    @pytest.fixture
    def uploads(self) -> InMemoryUploads:
        return InMemoryUploads()

    @pytest.fixture
    def around(self, uploads: InMemoryUploads) -> AroundInMemory:
        return AroundInMemory(uploads)

    @pytest.fixture
    def unreachable_uploads(self) -> InMemoryUploads:
        fake = InMemoryUploads()
        fake.down = True
        return fake
