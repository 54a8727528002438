"""What replays need, in memory: recorded predictions, versions that load, engines with habits."""
from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import Conflict, DatabaseUnavailable, ModelUnavailable
from common.inference.engine import Pixels
from common.inference.imaging import open_picture
from common.inference.manifest import Manifest
from common.inference.model import Model, ModelRow
from common.model_store import archive_key, labels_key, twin_key
from model_admin.replay.evidence import Evidence
from model_admin.replay.repository import Answer, RecordedPrediction
from model_admin.replay.service import ReplayService
from tests import manifests, pictures
from tests.fakes.audit import InMemoryTrail
from tests.fakes.models import LABELS, FakeEngine
from tests.fakes.storage import InMemoryObjectStore

PICTURE = pictures.png(60, 40)
LABELS_TXT = "\n".join(LABELS).encode()
ARCHIVE, TWIN = b"the archive", b"the twin"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class InMemoryRecordedPredictions:
    """RecordedPredictions in a dictionary, each with its owner; `down` makes it unreachable."""

    def __init__(self) -> None:
        self.rows: dict[uuid.UUID, tuple[uuid.UUID, RecordedPrediction]] = {}
        self.down = False

    def find(
        self, prediction_id: uuid.UUID, owner: uuid.UUID | None
    ) -> RecordedPrediction | None:
        if self.down:
            raise DatabaseUnavailable()
        user, recorded = self.rows.get(prediction_id, (None, None))
        return recorded if owner in (None, user) else None


class FakeVersions:
    """Versions whose engines are given; a version or an engine that is not there is missed."""

    def __init__(self) -> None:
        self.rows: dict[str, ModelRow] = {}
        self.engines: dict[str, FakeEngine] = {"litert": FakeEngine("litert")}

    def find(self, version: str) -> ModelRow:
        if version not in self.rows:
            raise Conflict(f"Model version {version} is not ready.")
        return self.rows[version]

    def get(self, version: str, engine: str) -> Model:
        row = self.find(version)
        if engine not in self.engines:
            raise ModelUnavailable(f"Model {version} needs {engine}, which is not installed.")
        return Model(row.version, row.digest, row.twin_digest, Manifest.from_json(row.manifest),
                     LABELS, self.engines[engine])


class BatchSensitiveEngine(FakeEngine):
    """As TensorFlow does, gives other last bits in a batch; `most` pictures or none at all."""

    def __init__(self, most: int = 8) -> None:
        super().__init__("tensorflow")
        self.most = most

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        if len(pixels) > self.most:
            raise ValueError(f"This takes {self.most} pictures.")
        scores = super().predict(pixels, deadline)
        return scores if len(pixels) == 1 else np.nextafter(scores, np.float32(1))


@dataclass
class Archive:
    """A service with one model, v1, and its files, and the picture that it is to classify."""

    predictions: InMemoryRecordedPredictions = field(default_factory=InMemoryRecordedPredictions)
    versions: FakeVersions = field(default_factory=FakeVersions)
    pictures: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    models: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    trail: InMemoryTrail = field(default_factory=InMemoryTrail)
    owner: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        row = ModelRow("v1", "v1/folder", sha256(ARCHIVE), sha256(TWIN), manifests.document(
            files={"labels.txt": sha256(LABELS_TXT)}))
        self.versions.rows["v1"] = row
        for key, data in ((archive_key(row.model_path), ARCHIVE), (twin_key(row.model_path), TWIN),
                          (labels_key(row.model_path), LABELS_TXT)):
            self.models.put(key, data, "application/octet-stream")

    def service(self) -> ReplayService:
        return ReplayService(
            self.predictions, self.versions, Evidence(self.pictures, self.models),
            max_pixels=1_000_000, trail=self.trail)

    def classify(
        self, data: bytes = PICTURE, classes: int = 2, engine: str = "litert", **changes: Any
    ) -> RecordedPrediction:
        """Store a picture and record the model's answer of so many classes, with `changes`."""
        recorded = self.record(data, **{**self._answer(data, classes, engine), **changes})
        self.pictures.put(recorded.object_key, data, "image/png")
        return recorded

    def record(self, data: bytes, **answer: Any) -> RecordedPrediction:
        """Record an answer whose picture is not stored."""
        prediction_id = uuid.uuid4()
        recorded = RecordedPrediction(
            prediction_id, Answer(**{"image_sha256": sha256(data), **answer}),
            f"2026/01/31/{prediction_id}.png", len(data), "ready", self.owner)
        self.predictions.rows[prediction_id] = self.owner, recorded
        return recorded

    def mark(self, recorded: RecordedPrediction, state: str) -> None:
        """Let the model of a recorded prediction be in this state from now on."""
        self.predictions.rows[recorded.prediction_id] = (
            self.owner, replace(recorded, model_state=state))

    def _answer(self, data: bytes, classes: int, engine: str) -> dict[str, Any]:
        model = self.versions.get("v1", engine)
        scores = model.classify(model.preprocess(open_picture(data, 1_000_000)), classes)
        return {
            "predicted_class": scores[0].label, "confidence_score": scores[0].confidence,
            "top_k": [score.as_json() for score in scores], **model.lineage()}
