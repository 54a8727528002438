"""The wiring of model-admin."""
from __future__ import annotations

from flask import Flask
from prometheus_client import CollectorRegistry

from common import logs
from common.auth import Authenticator
from common.config import Settings
from common.cpu import available_cpus
from common.db import Database
from common.storage import S3ObjectStore, s3_client
from common.web import create_web_app
from model_admin.registry.repository import PostgresVersionRepository
from model_admin.registry.routes import create_routes
from model_admin.registry.service import ModelRegistry
from model_admin.validation.repository import PostgresClaimRepository
from model_admin.validation.worker import ValidationWorker

# Multipart framing around the archive.
FRAMING_BYTES = 1 << 16


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; models are validated in the background."""
    settings = settings or Settings.load()
    logs.configure("model-admin", settings.log_level, settings.log_dir)
    database = Database(settings, size=settings.web_threads + 1)
    client = s3_client(settings, connections=settings.web_threads + 1)
    models = S3ObjectStore(client, settings.models_bucket_name)
    worker = ValidationWorker(
        PostgresClaimRepository(database), models, settings.validation_timeout_seconds,
        settings.max_model_bytes, settings.inference_threads or available_cpus())
    registry = ModelRegistry(
        PostgresVersionRepository(database), models, worker.wake, settings.max_model_bytes)
    app = create_web_app(
        "model-admin",
        Authenticator(settings),
        {"database": database.ping, "object store": models.ping},
        settings.max_model_bytes + FRAMING_BYTES,
        CollectorRegistry(),
    )
    app.register_blueprint(create_routes(registry))
    worker.start()
    return app
