"""The wiring of predict."""
from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from flask import Flask, Request
from prometheus_client import CollectorRegistry

from common import logs
from common.auth import Authenticator
from common.config import Settings
from common.cpu import available_cpus
from common.db import Database
from common.inference.files import ModelFiles
from common.inference.model import ModelLoader
from common.notifications import Listener
from common.storage import S3ObjectStore, s3_client
from common.web import create_web_app
from predict.models import ModelHost
from predict.orphans import OrphanWatch
from predict.repository import PostgresPredictionRepository
from predict.rollout import CHANNEL, PostgresRolloutRepository
from predict.routes import create_routes
from predict.service import ClassificationService
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry


class InMemoryRequest(Request):
    """Keeps uploaded files in memory: bodies are bounded, and no disk needs to be written."""

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        return io.BytesIO()


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; the model is loaded in the background."""
    settings = settings or Settings.load()
    logs.configure("predict", settings.log_level, settings.log_dir)
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    database = Database(settings, size=settings.web_threads + 1)
    repository = PostgresPredictionRepository(database)
    client = s3_client(settings, connections=settings.web_threads + 1)
    pictures = S3ObjectStore(client, settings.minio_bucket_name)
    files = ModelFiles(
        S3ObjectStore(client, settings.models_bucket_name), settings.model_cache_dir,
        settings.baked_models_dir)
    models = ModelHost(
        PostgresRolloutRepository(database),
        ModelLoader(files, settings.engine, settings.inference_threads or available_cpus(),
                    settings.micro_batches),
        telemetry,
        Listener(database, CHANNEL).wait,
        settings.model_poll_seconds,
    )
    service = ClassificationService(
        models, pictures, repository,
        ThreadPoolExecutor(settings.web_threads, thread_name_prefix="store"),
        ShadowScorer(repository, telemetry, settings.max_pixels),
        telemetry, settings.max_pixels)
    checks = {"model": models.check, "database": database.ping, "object store": pictures.ping}
    app = create_web_app(
        "predict", Authenticator(settings), checks, settings.max_body_bytes, registry)
    app.request_class = InMemoryRequest
    app.register_blueprint(create_routes(service))
    models.start()
    OrphanWatch(pictures, repository, telemetry).start()
    return app
