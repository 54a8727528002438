"""A backfill through the functions as they are served: two replicas, a real model."""
from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.config import Settings
from common.db import Database
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from tests import tokens
from tests.databases import ROOT, add_model, environment_of, query
from tests.function_process import FunctionProcess
from tests.integration.model_admin.backfill.archive import (
    PICTURE, ArchiveInPostgres, object_key)

BACKFILLS = "/api/v1/backfills"
PATIENCE_SECONDS = 30


@pytest.fixture
def twin_digest(
    servers: Settings, database_settings: Settings, models_bucket: str, tmp_path: Path
) -> str:
    """The digest of the twin of v2, a tiny model that is ready."""
    from tests.tiny_model import TinyModel

    model = TinyModel(tmp_path)
    digest, twin = model.digests()
    path = f"v2/{digest}"
    model.put_into(S3ObjectStore(s3_client(servers, 1), models_bucket), path)
    add_model(database_settings, "v2", model_path=path, digest=digest, twin_digest=twin,
              manifest=json.dumps(model.document))
    add_model(database_settings, "v1")
    return twin


def test_backfill(
    database_settings: Settings, database: Database, models_bucket: str, twin_digest: str,
    tmp_path: Path,
) -> None:
    """Pictures chosen over HTTP are classified with the chosen model, one is missed and told."""
    archive = ArchiveInPostgres(database)
    added = sorted(archive.add() for _ in range(10))
    store = S3ObjectStore(
        s3_client(database_settings, 1), database_settings.minio_bucket_name)
    for image_id in added[1:]:
        store.put(object_key(image_id), PICTURE, "image/png")
    archive.add(predicted_class="tabby")
    environ = {
        **environment_of(database_settings), "MINIO_ENDPOINT": database_settings.minio_endpoint,
        "MINIO_ACCESS_KEY": database_settings.minio_access_key,
        "MINIO_SECRET_KEY": database_settings.minio_secret_key,
        "MODELS_BUCKET_NAME": models_bucket, "INFERENCE_THREADS": "1", "LOG_LEVEL": "WARNING",
        "LOG_DIR": str(tmp_path / "logs"), "MODEL_CACHE_DIR": str(tmp_path / "cache")}
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(FunctionProcess(
                "handler:app", ROOT / "functions" / "model-admin", environ)) for _ in range(2)]
        first, second = (
            stack.enter_context(httpx.Client(
                base_url=f"http://{each.host}:{each.port}", timeout=PATIENCE_SECONDS,
                headers=tokens.bearer(uuid.uuid4(), roles=["admin"]))) for each in replicas)
        started = first.post(BACKFILLS, json={
            "model_version": "v2", "filter": {"predicted_class": "espresso"}})
        assert started.status_code == 202
        row = _wait(second, started.headers["Location"])
    assert (row["state"], row["total"], row["classified"], row["failed"]) == ("done", 10, 9, 1)
    assert row["failures"] == [{"image_id": str(added[0]), "reason": "Its object is gone."}]
    assert archive.predictions(uuid.UUID(row["backfill_id"])) == added[1:]
    assert query(
        database_settings, "SELECT DISTINCT model_version, engine, twin_digest, source "
        "FROM predictions WHERE backfill_id IS NOT NULL") == [{
            "model_version": "v2", "engine": "litert", "twin_digest": twin_digest,
            "source": "backfill"}]


def _wait(client: httpx.Client, location: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        row: dict[str, Any] = client.get(location).json()
        if row["state"] != "running":
            return row
        assert time.monotonic() < deadline, row
        time.sleep(0.05)
