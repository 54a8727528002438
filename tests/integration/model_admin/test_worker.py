"""The worker with everything real: database, object store, and the process that proves models."""
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.audit import Origin
from common.config import Settings
from common.db import Database
from common.inference.litert import LiteRtEngine
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from model_admin.registry.repository import PostgresVersionRepository, Row
from model_admin.registry.service import ModelRegistry
from model_admin.validation.repository import PostgresClaimRepository
from model_admin.validation.worker import MAX_ATTEMPTS, ValidationWorker
from tests.archives import folder_members, pack
from tests.databases import query
from tests.integration.model_admin.conftest import Build

ADMIN = Origin(uuid.uuid4(), "request-1", "192.0.2.7")
LIMIT = 1 << 24
GOLDEN = "golden/black.png"

Register = Callable[..., Row]


@pytest.fixture
def database_settings(module_settings: Settings) -> Settings:
    """The module's database without models: cheaper than one for each test."""
    query(module_settings, "DELETE FROM model_versions")
    return module_settings


@pytest.fixture
def store(servers: Settings, models_bucket: str) -> S3ObjectStore:
    return S3ObjectStore(s3_client(servers, connections=2), models_bucket)


@pytest.fixture
def versions(database: Database) -> PostgresVersionRepository:
    return PostgresVersionRepository(database)


@pytest.fixture
def register(
    versions: PostgresVersionRepository, store: S3ObjectStore, built: Build, tmp_path: Path,
) -> Register:
    """Register a model of some kind as a client would."""
    registry = ModelRegistry(versions, store, lambda: None, LIMIT)

    def register(kind: str, **changes: object) -> Row:
        path = tmp_path / "archive.zip"
        path.write_bytes(pack(folder_members(built(kind, **changes))))
        row, created = registry.register(path, ADMIN)
        assert created and row["state"] == "validating"
        return row

    return register


def worker(
    database: Database, store: S3ObjectStore, timeout_seconds: float = 120,
) -> ValidationWorker:
    return ValidationWorker(PostgresClaimRepository(database), store, timeout_seconds, LIMIT, 1)


def found(versions: PostgresVersionRepository, version: str = "v1") -> Row:
    row = versions.find(version)
    assert row is not None
    return row


def test_good_model(
    database: Database, store: S3ObjectStore, versions: PostgresVersionRepository,
    register: Register, tmp_path: Path,
) -> None:
    """A good model ends ready, with its report, its twin in the bucket and the twin's digest."""
    digest = register("good")["digest"]
    assert worker(database, store).run_once() is True
    row = found(versions)
    assert row["state"] == "ready", row["report"]
    assert row["is_active"] is False and row["validated_at"] is not None
    assert row["report"]["twin"]["accepted"] is True
    twin = tmp_path / "twin.tflite"
    store.download(f"v1/{digest}/twin.tflite", twin)
    assert hashlib.sha256(twin.read_bytes()).hexdigest() == row["twin_digest"]
    scores = LiteRtEngine(twin, threads=1).predict(np.zeros((1, 8, 8, 3), np.float32))
    assert scores.sum() == pytest.approx(1)
    assert worker(database, store).run_once() is False


def test_model_without_a_twin(
    database: Database, store: S3ObjectStore, versions: PostgresVersionRepository,
    register: Register,
) -> None:
    """A model whose twin says something else is ready without one; the figures tell why."""
    register("imprecise")
    worker(database, store).run_once()
    row = found(versions)
    assert (row["state"], row["twin_digest"]) == ("ready", None)
    assert row["report"]["twin"]["accepted"] is False
    assert row["report"]["twin"]["max_abs_difference"] > row["report"]["twin"]["tolerance"]


def test_bad_model(
    database: Database, store: S3ObjectStore, versions: PostgresVersionRepository,
    register: Register,
) -> None:
    """A bad model ends rejected, with the reason."""
    register("logits", output={"name": "scores", "kind": "probabilities"})
    worker(database, store).run_once()
    row = found(versions)
    assert (row["state"], row["twin_digest"]) == ("rejected", None)
    assert row["report"] == {"reason": (
        "manifest.json: $.output.kind: the outputs are no probabilities; are they logits?")}


def test_deadline(
    database: Database, store: S3ObjectStore, versions: PostgresVersionRepository,
    register: Register, database_settings: Settings,
) -> None:
    """A validation that never ends in time is tried again, and then given up."""
    register("good")
    hasty = worker(database, store, timeout_seconds=0.2)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert found(versions)["state"] == "validating"
        assert hasty.run_once() is True
        assert hasty.run_once() is False  # it rests
        assert query(database_settings, "SELECT attempts FROM model_versions") == [
            {"attempts": attempt}]
        query(database_settings, "UPDATE model_versions SET lease_until = now()")
    assert found(versions)["state"] == "rejected"
    assert found(versions)["report"] == {
        "reason": "The validation failed 3 times: It took longer than 0.2 seconds."}


def test_store_down(
    database: Database, store: S3ObjectStore, servers: Settings,
    versions: PostgresVersionRepository, register: Register, models_bucket: str,
) -> None:
    """A worker that cannot reach the store leaves the version to be proven later."""
    register("nan")
    nowhere = S3ObjectStore(s3_client(
        Settings(**{**vars(servers), "minio_endpoint": "127.0.0.1:1"}), connections=1),
        models_bucket)
    worker(database, nowhere).run_once()
    assert (found(versions)["state"], found(versions)["report"]) == ("validating", None)
