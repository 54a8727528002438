"""The wiring of history."""
from __future__ import annotations

from flask import Flask
from prometheus_client import CollectorRegistry

from common import logs
from common.auth import Authenticator
from common.config import Settings
from common.db import Database
from common.rate_limits import RateLimits
from common.storage import S3ObjectStore, s3_client
from common.web import create_web_app
from history.images import routes as image_routes
from history.images.repository import PostgresImageReader
from history.images.service import ImageArchive
from history.predictions import routes as prediction_routes
from history.predictions.repository import PostgresPredictionReader
from history.predictions.service import PredictionHistory


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application."""
    settings = settings or Settings.load()
    logs.configure("history", settings.log_level, settings.log_dir)
    database = Database(settings, size=settings.web_threads)
    client = s3_client(settings, connections=settings.web_threads)
    pictures = S3ObjectStore(client, settings.minio_bucket_name)
    app = create_web_app(
        "history",
        Authenticator(settings),
        {"database": database.ping, "object store": pictures.ping},
        settings.max_body_bytes,
        CollectorRegistry(),
        limits=RateLimits(settings, reading="read", writing="read"),
        trusted_proxies=settings.trusted_proxies,
    )
    app.register_blueprint(prediction_routes.create_routes(
        PredictionHistory(PostgresPredictionReader(database))))
    app.register_blueprint(image_routes.create_routes(
        ImageArchive(PostgresImageReader(database), pictures)))
    return app
