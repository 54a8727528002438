"""predict as it runs in production, with its database, its buckets and a real, tiny model."""
from __future__ import annotations

import http.client
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg2.errors
import pytest

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from tests import tokens
from tests.databases import environment_of, query, temporary_database
from tests.function_process import ROOT, Answer, FunctionProcess, form
from tests.proxies import CuttingProxy
from tests.tiny_rollout import activate

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel

USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
FOLDER = ROOT / "functions" / "predict"
BODY_LIMIT = 200_000
FORM = "multipart/form-data; boundary=limit"
EVENTS_TOKEN = "the token of the tests' machines"


@dataclass
class Running:
    """predict with its database and its buckets; the proxies stand between them."""

    process: FunctionProcess
    settings: Settings
    pictures: S3ObjectStore
    models: S3ObjectStore
    database_proxy: CuttingProxy
    store_proxy: CuttingProxy

    def post(
        self, picture: bytes, user: uuid.UUID = USER, key: str | None = None,
        traceparent: str | None = None, **fields: str,
    ) -> Answer:
        """Send a picture as the form it belongs into, and with a key if there is one, maybe as
        part of a trace."""
        body = form("limit", {"user_id": str(user), **fields}, picture)
        connection = http.client.HTTPConnection(
            self.process.host, self.process.port, timeout=30)
        try:
            connection.request("POST", "/api/v1/predict", body, {
                **tokens.bearer(user, email=f"{user}@example.org"), "Content-Type": FORM,
                **({} if key is None else {"Idempotency-Key": key}),
                **({} if traceparent is None else {"traceparent": traceparent})})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def activate(self, tiny: TinyModel, version: str, twin: bool = True) -> None:
        """Register and activate the tiny model under a version's name."""
        activate(self.settings, self.models, tiny, version, twin)

    def counts(self) -> tuple[int, int]:
        """How many images there are in the table, how many objects in the bucket."""
        (row,) = query(self.settings, "SELECT count(*) AS n FROM images")
        client = s3_client(self.settings, connections=1)
        found = client.list_objects_v2(Bucket=self.settings.minio_bucket_name)
        return row["n"], found["KeyCount"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def running(
    servers: Settings, template: str, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("predict")
    images, models = f"images-{uuid.uuid4()}", f"models-{uuid.uuid4()}"
    with ExitStack() as stack:
        own = replace(
            stack.enter_context(temporary_database(servers, template)),
            minio_bucket_name=images, models_bucket_name=models)
        client = s3_client(servers, connections=2)
        for bucket in (images, models):
            client.create_bucket(Bucket=bucket)
        store_host, _, store_port = servers.minio_endpoint.rpartition(":")
        database_proxy = stack.enter_context(
            CuttingProxy(own.postgres_host, own.postgres_port))
        store_proxy = stack.enter_context(CuttingProxy(store_host, int(store_port)))
        process = FunctionProcess("handler:app", FOLDER, {
            **environment_of(own),
            "POSTGRES_HOST": database_proxy.host, "POSTGRES_PORT": str(database_proxy.port),
            "POSTGRES_SSLMODE": "disable",
            "MINIO_ENDPOINT": f"{store_proxy.host}:{store_proxy.port}",
            "MINIO_ACCESS_KEY": own.minio_access_key, "MINIO_SECRET_KEY": own.minio_secret_key,
            "MINIO_BUCKET_NAME": images, "MODELS_BUCKET_NAME": models,
            "LOG_DIR": str(folder / "logs"), "MODEL_CACHE_DIR": str(folder / "cache"),
            "MODEL_POLL_SECONDS": "0.05", "MAX_BODY_BYTES": str(BODY_LIMIT),
            "EVENTS_TOKEN": EVENTS_TOKEN, "SWEEP_SECONDS": "0"})
        stack.enter_context(process)
        yield Running(process, own, S3ObjectStore(client, images),
                      S3ObjectStore(client, models), database_proxy, store_proxy)


@pytest.fixture
def ready(running: Running, tiny: TinyModel) -> Iterator[Running]:
    """The same with a model that answers, empty, and its network in order."""
    empty(running.settings)
    client = s3_client(running.settings, connections=1)
    bucket = running.settings.minio_bucket_name
    for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    running.activate(tiny, "v1")
    running.process.wait_for("/_/ready")
    yield running
    running.database_proxy.heal()
    running.store_proxy.heal()


def empty(settings: Settings) -> None:
    """Remove all rows. The function's own threads look at the tables meanwhile, and PostgreSQL
    ends one of two that wait for each other."""
    for attempt in range(10):
        try:
            query(settings, "TRUNCATE predictions, images, users, storage_events, "
                  "idempotency_keys CASCADE")
            break
        except psycopg2.errors.DeadlockDetected:
            assert attempt < 9
    query(settings, "DELETE FROM model_versions")
