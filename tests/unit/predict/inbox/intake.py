"""The inbox and all that works on it, in memory: what tests put into the bucket is dealt with."""
from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from prometheus_client import CollectorRegistry

from predict.inbox.classifier import UploadClassifier
from predict.inbox.events import StorageEvent, found_event
from predict.inbox.telemetry import InboxTelemetry
from predict.inbox.worker import InboxWorker
from predict.load import RequestLoad
from predict.repository import PredictionRecord
from predict.service import ClassificationService
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures
from tests.fakes.inbox import InMemoryInbox, Row
from tests.fakes.models import FakeEngine, FixedLineup, fake_model
from tests.fakes.repository import InMemoryPredictionRepository
from tests.fakes.storage import InMemoryObjectStore

BUCKET = "images"
USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
PICTURE = pictures.png(60, 40)
MAX_BYTES, MAX_ATTEMPTS = 100_000, 3


class Intake:
    """A worker with everything behind it; `pauses` are the seconds it wanted to rest."""

    def __init__(self, keep_uploads: bool = False, threads: int = 1) -> None:
        self.engine = FakeEngine()
        self.models = FixedLineup(fake_model(self.engine))
        self.store = InMemoryObjectStore()
        self.inbox = InMemoryInbox(BUCKET)
        self.inbox.users.add(USER)
        self.repository = InMemoryPredictionRepository()
        self.repository.complete = self.inbox.complete
        self.registry = CollectorRegistry()
        self.executor = ThreadPoolExecutor(4)
        self.load = RequestLoad(1)
        self.telemetry = InboxTelemetry(self.registry)
        self.pauses: list[float] = []
        self.has_model = True
        telemetry = Telemetry(self.registry)
        self.shadow = ShadowScorer(self.repository, telemetry, max_pixels=1_000_000)
        service = ClassificationService(
            self.models, self.store, self.repository, self.executor, self.shadow, telemetry,
            max_pixels=1_000_000)
        self.worker = InboxWorker(
            self.inbox, UploadClassifier(self.store, service, MAX_BYTES, keep_uploads), self.load,
            self.telemetry, lambda: self.has_model, self.is_healthy, BUCKET, threads, MAX_ATTEMPTS,
            pause=self.pauses.append)

    def is_healthy(self) -> bool:
        return not (self.store.down or self.repository.down or self.inbox.down
                    or self.models.current is None)

    def close(self) -> None:
        """End what runs in other threads; a worker that was started rests from now on."""
        def rest(lease_seconds: float, newest_first: bool) -> None:
            threading.Event().wait()

        self.inbox.claim = rest  # type: ignore[method-assign]  # never returns
        self.worker.wake()
        self.executor.shutdown()
        self.shadow.close()

    def put(self, data: bytes = PICTURE, name: str = "cup.png", user: object = USER) -> str:
        """Put an object into a user's prefix; nobody is told. Answers its key."""
        key = f"uploads/{user}/{name}"
        self.store.put(key, data, "binary/octet-stream")
        return key

    def announce(self, key: str, **changes: object) -> None:
        """Tell the inbox of an object; `changes` are fields of the event."""
        writing = self.store.get(key).writing
        event = found_event(
            BUCKET, key, writing.etag, len(self.store.objects[key][0]), self.store.modified[key])
        assert self.inbox.announce([replace(event, **changes)]) == 1  # type: ignore[arg-type]

    def drop(self, data: bytes = PICTURE, name: str = "cup.png") -> str:
        """Put an object, and announce it. Answers its key."""
        key = self.put(data, name)
        self.announce(key)
        return key

    def work(self, newest_first: bool = False) -> str | None:
        """Deal with one event."""
        return self.worker.work_once(newest_first)

    def elapse(self) -> None:
        """Let all leases and delays run out."""
        for row in self.inbox.rows.values():
            row.due_at = datetime.now(timezone.utc) - timedelta(seconds=1)

    def row(self) -> Row:
        """The one event there is."""
        (row,) = self.inbox.rows.values()
        return row

    def states(self) -> list[str]:
        """The states of all events, in the order they came."""
        return [row.state for row in self.inbox.rows.values()]

    def record(self) -> PredictionRecord:
        """The one prediction there is."""
        (record,) = self.repository.predictions.values()
        return record

    def stored(self) -> dict[str, bytes]:
        """The bytes in the bucket, by key."""
        return {key: data for key, (data, _) in self.store.objects.items()}

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"imgclass_{name}", labels)


def event_of(intake: Intake, key: str) -> StorageEvent:
    """The event that the sweep would make of an object."""
    (found,) = (each for each in intake.store.list(key) if each.key == key)
    return found_event(BUCKET, found.key, found.etag, found.size, found.modified)
