"""The wiring of history."""
from __future__ import annotations

from flask import Flask
from prometheus_client import CollectorRegistry

from common import logs, tracing
from common.audit import PostgresAuditTrail
from common.auth import Authenticator, MachineToken
from common.config import Settings
from common.db import Database
from common.rate_limits import RateLimits
from common.refusals import RefusalLog
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.web import create_web_app
from history.erasure.repository import PostgresErasures
from history.erasure.routes import create_routes as erasure_routes
from history.erasure.service import Erasures
from history.erasure.worker import ErasureWorker
from history.feedback.repository import PostgresFeedback
from history.feedback.routes import BODY_LIMITS as FEEDBACK_LIMITS
from history.feedback.routes import create_routes as feedback_routes
from history.feedback.service import Feedback
from history.images.repository import PostgresImageReader
from history.images.routes import create_routes as image_routes
from history.images.service import ImageArchive
from history.predictions.repository import PostgresPredictionReader
from history.predictions.routes import create_routes as prediction_routes
from history.predictions.service import PredictionHistory
from history.reference.routes import OPEN_PATHS
from history.reference.routes import create_routes as reference_routes
from history.stats.repository import PostgresStatsReader
from history.stats.routes import create_routes as stats_routes
from history.stats.service import PredictionStats
from history.users.repository import PostgresUserReader
from history.users.routes import create_routes as user_routes
from history.users.service import Users


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; erasures that were left unfinished are finished in the background."""
    settings = settings or Settings.load()
    logs.configure("history", settings.log_level, settings.log_dir)
    tracing.configure("history", settings.otel_exporter_otlp_endpoint)
    database = Database(settings, size=settings.web_threads + 1)
    client = s3_client(settings, connections=settings.web_threads + 1)
    pictures = S3ObjectStore(client, settings.minio_bucket_name)
    trail, erasures = PostgresAuditTrail(database), PostgresErasures(database)
    worker = ErasureWorker(erasures, pictures)
    app = create_web_app(
        "history",
        Authenticator(settings),
        {"database": database.ping, "object store": pictures.ping},
        settings.max_body_bytes,
        CollectorRegistry(),
        MachineToken(settings.events_token),
        open_paths=OPEN_PATHS,
        limits=RateLimits(settings, reading="read", writing="read"),
        trusted_proxies=settings.trusted_proxies,
        body_limits=FEEDBACK_LIMITS,
    )
    refusals = RefusalLog(trail)
    refusals.install(app)
    app.register_blueprint(reference_routes())
    app.register_blueprint(prediction_routes(
        PredictionHistory(PostgresPredictionReader(database), trail)))
    app.register_blueprint(stats_routes(
        PredictionStats(PostgresStatsReader(database), trail)))
    app.register_blueprint(feedback_routes(
        Feedback(PostgresFeedback(database), trail)))
    app.register_blueprint(image_routes(
        ImageArchive(PostgresImageReader(database), pictures, trail)))
    app.register_blueprint(user_routes(
        Users(PostgresUserReader(database), trail)))
    app.register_blueprint(erasure_routes(Erasures(erasures, worker)))
    worker.start()
    refusals.start()
    return app
