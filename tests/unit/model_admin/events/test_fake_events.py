"""The events in memory keep the contract of those in PostgreSQL."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from model_admin.events.repository import Row
from tests.contracts.events import EventsContract
from tests.fakes.events import InMemoryEvents


@dataclass
class ArchiveInMemory:
    """Puts events and pictures where the fake finds them."""

    fake: InMemoryEvents

    def add(self, row: Row) -> Row:
        self.fake.rows[row["event_id"]] = dict(row)
        return row

    def add_rows(self, row: Row) -> None:
        prediction_id = uuid.uuid4()
        self.fake.images[row["event_id"]] = prediction_id
        self.fake.rows[row["event_id"]]["prediction_id"] = prediction_id

    def remove_prediction(self, row: Row) -> None:
        self.fake.images[row["event_id"]] = None

    def remove_image(self, row: Row) -> None:
        del self.fake.images[row["event_id"]]

    def doom(self, row: Row) -> None:
        self.fake.doomed.add((row["object_key"], row["etag"]))

    def retries(self) -> list[tuple[str, str, dict[str, Any]]]:
        return self.fake.audit


class TestInMemoryEvents(EventsContract):
    """The fake."""

    @pytest.fixture
    def events(self) -> InMemoryEvents:
        return InMemoryEvents()

    @pytest.fixture
    def archive(self, events: InMemoryEvents) -> ArchiveInMemory:
        return ArchiveInMemory(events)

    @pytest.fixture
    def unreachable_events(self) -> InMemoryEvents:
        fake = InMemoryEvents()
        fake.down = True
        return fake
