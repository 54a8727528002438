"""Replays with a real model, a real database and a real object store."""
from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from common.audit import Origin, PostgresAuditTrail
from common.auth import Principal
from common.config import Settings
from common.db import Database
from common.errors import Conflict, DatabaseUnavailable
from common.inference.files import ModelFiles
from common.inference.imaging import open_picture
from common.inference.model import ModelLoader
from common.model_store import model_path, twin_key
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from model_admin.replay.evidence import Evidence
from model_admin.replay.repository import PostgresRecordedPredictions
from model_admin.replay.service import Replay, ReplayService
from model_admin.serving.models import KEPT, LoadedVersions
from predict.repository import PostgresPredictionRepository
from tests import pictures, tokens
from tests.databases import add_model, environment_of, query
from tests.environments import settings
from tests.function_process import FunctionProcess
from tests.records import record

if TYPE_CHECKING:
    from tests.tiny_model import TinyModel

FOLDER = Path(__file__).resolve().parents[3] / "functions" / "model-admin"
OWNER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
MAX_PIXELS = 1_000_000
ENGINES = ("litert", "tensorflow")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pictures_bucket(servers: Settings) -> str:
    name = f"pictures-{uuid.uuid4()}"
    s3_client(servers, connections=1).create_bucket(Bucket=name)
    return name


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database, empty: cheaper than one for each test."""
    for table in ("predictions", "images", "users", "model_versions"):
        query(module_settings, f"DELETE FROM {table}")
    return module_settings


class House:
    """predict's side and model-admin's side of one registered model, v1."""

    def __init__(
        self, database: Database, where: Settings, buckets: tuple[str, str], tiny: TinyModel,
        cache: Path,
    ) -> None:
        client = s3_client(where, connections=4)
        self.pictures, self.models = (S3ObjectStore(client, bucket) for bucket in buckets)
        self.settings, self.tiny = where, tiny
        digest, twin_digest = tiny.digests()
        self.path = model_path("v1", digest)
        tiny.put_into(self.models, self.path)
        add_model(where, "v1", digest=digest, twin_digest=twin_digest, model_path=self.path,
                  manifest=json.dumps(tiny.document))
        self._answering = self._versions(database, cache / "predict")
        self._predictions = PostgresPredictionRepository(database)
        self.versions = self._versions(database, cache / "model-admin")
        self._service = ReplayService(
            PostgresRecordedPredictions(database), self.versions,
            Evidence(self.pictures, self.models), MAX_PIXELS, PostgresAuditTrail(database))

    def _versions(self, database: Database, cache: Path) -> LoadedVersions:
        from tests.models import THREADS

        files = ModelFiles(self.models, cache)
        return LoadedVersions(database, ModelLoader(files, "auto", THREADS), {
            engine: ModelLoader(files, engine, THREADS) for engine in ENGINES})

    def classify(self, data: bytes, engine: str) -> uuid.UUID:
        """Classify and store a picture as predict does."""
        model = self._answering.get("v1", engine)
        scores = model.classify(model.preprocess(open_picture(data, MAX_PIXELS)), 3)
        key = f"2026/01/31/{uuid.uuid4()}.jpg"
        self.pictures.put(key, data, "image/jpeg")
        return self._predictions.record(record(
            user_id=OWNER, object_key=key, size_bytes=len(data),
            sha256=hashlib.sha256(data).digest(), predicted_class=scores[0].label,
            confidence_score=scores[0].confidence,
            top_k=[score.as_json() for score in scores], **model.lineage()))

    def key_of(self, prediction_id: uuid.UUID) -> str:
        (row,) = query(self.settings, "SELECT object_key FROM predictions JOIN images "
                       "USING (image_id) WHERE prediction_id = %s", prediction_id)
        key: str = row["object_key"]
        return key

    def replay(self, prediction_id: uuid.UUID) -> Replay:
        return self._service.replay(
            Principal(OWNER, "ada@example.org", frozenset()), prediction_id, Origin(OWNER))


@pytest.fixture
def house(
    database: Database, database_settings: Settings, pictures_bucket: str, models_bucket: str,
    tiny: TinyModel, tmp_path: Path,
) -> House:
    return House(database, database_settings, (pictures_bucket, models_bucket), tiny, tmp_path)


@pytest.fixture
def other_twin(tiny: TinyModel) -> bytes:
    """Another model of the same shape: the twin's largest weights with one bit turned."""
    data = bytearray(tiny.twin.read_bytes())
    weights = np.random.default_rng(1).normal(size=(192, 3)) / 8
    first = weights.astype(np.float32).T.tobytes()[:16]
    place = bytes(data).index(first)
    data[place + 3] ^= 0x80
    return bytes(data)


PICTURES = {
    "photo": pictures.jpeg(), "small": pictures.png(9, 13), "web": pictures.webp(31, 200),
    "turned": pictures.rotated(6), "grey": pictures.encode(pictures.grey16(), "PNG")}


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("engine", ENGINES)
def test_bit_for_bit(house: House, engine: str, picture: str) -> None:
    """What one process recorded comes out of another one again, to the last bit."""
    prediction_id = house.classify(PICTURES[picture], engine)
    found = house.replay(prediction_id)
    assert found.findings == []
    assert (found.same, found.picture_intact, found.model_intact) == (True, True, True)
    assert found.recorded == found.replayed
    assert found.recorded.engine == engine
    assert (found.recorded.twin_digest is None) == (engine == "tensorflow")
    assert found.max_abs_difference == 0.0


def test_other_answer(house: House, database_settings: Settings) -> None:
    """An answer somebody changed in the database is told from the model's by its last bit."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    confidence = house.replay(prediction_id).recorded.confidence_score
    other = float(np.nextafter(np.float32(confidence), np.float32(0)))
    query(database_settings, "UPDATE predictions SET confidence_score = %s", other)
    found = house.replay(prediction_id)
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, True)
    assert found.replayed is not None
    assert (found.recorded.confidence_score, found.replayed.confidence_score) == (
        other, confidence)


def test_swapped_picture(house: House) -> None:
    """Another picture in the store under the same key is noticed."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    house.pictures.put(house.key_of(prediction_id), PICTURES["turned"], "image/jpeg")
    found = house.replay(prediction_id)
    assert (found.same, found.picture_intact, found.model_intact) == (False, False, True)
    assert found.replayed is None
    assert hashlib.sha256(PICTURES["turned"]).hexdigest() in found.findings[0]


@pytest.mark.parametrize("loaded", [False, True])
def test_swapped_twin(house: House, other_twin: bytes, loaded: bool) -> None:
    """Another twin in the store is noticed and not run, even if the right one is loaded."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    if loaded:
        assert house.replay(prediction_id).same is True
    house.models.put(twin_key(house.path), other_twin, "application/octet-stream")
    found = house.replay(prediction_id)
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, False)
    assert found.replayed is None
    assert hashlib.sha256(other_twin).hexdigest() in found.findings[0]
    assert house.replay(house.classify(PICTURES["photo"], "tensorflow")).same is True


def test_compiled_anew(
    house: House, other_twin: bytes, database_settings: Settings,
) -> None:
    """A twin that was put in the old one's place, row and all, answers, and is told apart."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    assert house.replay(prediction_id).same is True
    digest = hashlib.sha256(other_twin).hexdigest()
    house.models.put(twin_key(house.path), other_twin, "application/octet-stream")
    query(database_settings, "UPDATE model_versions SET twin_digest = %s", digest)
    found = house.replay(prediction_id)
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, False)
    assert found.replayed is not None and found.replayed.twin_digest == digest
    assert found.max_abs_difference is not None and found.max_abs_difference > 0


@pytest.mark.parametrize("change", [
    "predictions SET engine = NULL", "predictions SET top_k = '[]'", "images SET sha256 = NULL"])
def test_lineage_was_not_recorded(
    house: House, database_settings: Settings, change: str,
) -> None:
    """A prediction that lacks a part of its lineage says that it cannot be replayed."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    query(database_settings, f"UPDATE {change}")
    with pytest.raises(Conflict, match="was not recorded"):
        house.replay(prediction_id)


def test_deleted_model(house: House, database_settings: Settings) -> None:
    """The prediction of a deleted model says what became of it."""
    prediction_id = house.classify(PICTURES["photo"], "litert")
    query(database_settings, "UPDATE model_versions SET state = 'deleted'")
    with pytest.raises(Conflict, match="v1 was deleted"):
        house.replay(prediction_id)
    with pytest.raises(Conflict, match="v1 is not ready"):
        house.versions.get("v1", "litert")


def test_owners(house: House, database: Database) -> None:
    """A prediction is found by its owner and by those who own everything."""
    predictions = PostgresRecordedPredictions(database)
    prediction_id = house.classify(PICTURES["photo"], "litert")
    found = predictions.find(prediction_id, OWNER)
    assert found is not None and found == predictions.find(prediction_id, None)
    assert (found.object_key, found.size_bytes, found.model_state) == (
        house.key_of(prediction_id), len(PICTURES["photo"]), "ready")
    assert predictions.find(prediction_id, uuid.uuid4()) is None
    assert predictions.find(uuid.uuid4(), None) is None


def test_database_outage() -> None:
    """Without a database nothing can be said."""
    predictions = PostgresRecordedPredictions(Database(settings(), size=1))
    with pytest.raises(DatabaseUnavailable):
        predictions.find(uuid.uuid4(), None)


def test_loaded_versions(house: House, database_settings: Settings) -> None:
    """A version is kept on the engine asked for; auto's twin serves who asks for LiteRT."""
    auto = house.versions.get("v1")
    assert auto.engine.name == "litert"
    assert house.versions.get("v1", "litert") is auto
    other = house.versions.get("v1", "tensorflow")
    assert other.engine.name == "tensorflow"
    assert house.versions.get("v1") is auto
    assert house.versions.get("v1", "tensorflow") is other
    query(database_settings, "UPDATE model_versions SET twin_digest = NULL")
    anew = house.versions.get("v1")
    assert anew.engine.name == "tensorflow" and anew is not other
    assert KEPT == 2 and house.versions.get("v1") is anew


@pytest.fixture
def function(
    house: House, pictures_bucket: str, models_bucket: str, tmp_path: Path,
) -> Iterator[FunctionProcess]:
    """model-admin as it is served."""
    with FunctionProcess("handler:app", FOLDER, {
            **environment_of(house.settings),
            "MINIO_ENDPOINT": house.settings.minio_endpoint,
            "MINIO_ACCESS_KEY": house.settings.minio_access_key,
            "MINIO_SECRET_KEY": house.settings.minio_secret_key,
            "MINIO_BUCKET_NAME": pictures_bucket, "MODELS_BUCKET_NAME": models_bucket,
            "INFERENCE_THREADS": "1", "MODEL_CACHE_DIR": str(tmp_path / "served"),
            "LOG_DIR": str(tmp_path / "logs"), "LOG_LEVEL": "WARNING"}) as process:
        yield process


def test_function(house: House, function: FunctionProcess) -> None:
    """Both engines answer again in the function itself; the answers can be compared there."""
    def ask(method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = httpx.request(
            method, f"http://{function.host}:{function.port}/api/v1/{path}", timeout=60,
            headers=tokens.bearer(OWNER, roles=["admin"]), **options)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    add_model(house.settings, "v2")
    for engine in ENGINES:
        prediction_id = house.classify(PICTURES["photo"], engine)
        replay = ask("POST", "replays", json={"prediction_id": str(prediction_id)})
        assert (replay["same"], replay["recorded"]["engine"]) == (True, engine)
    report = ask("GET", "models/v1/comparison", params={"with": "v2", "basis": "canary"})
    assert [each["answers"] for each in report["distributions"]] == [2, 0]
