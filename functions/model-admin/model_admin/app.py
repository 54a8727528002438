"""The wiring of model-admin."""
from __future__ import annotations

from flask import Flask
from prometheus_client import CollectorRegistry

from common import logs, tracing
from common.audit import PostgresAuditTrail
from common.auth import Authenticator
from common.config import Settings
from common.cpu import available_cpus
from common.db import Database
from common.inference.files import ModelFiles
from common.inference.model import ModelLoader
from common.rate_limits import RateLimits
from common.refusals import RefusalLog
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from common.web import create_web_app
from model_admin.audit.repository import PostgresAuditReader
from model_admin.audit.routes import create_routes as audit_routes
from model_admin.audit.service import AuditLog
from model_admin.backfill.claims import PostgresBackfillClaims
from model_admin.backfill.classifier import PictureClassifier
from model_admin.backfill.repository import PostgresBackfillRepository
from model_admin.backfill.routes import create_routes as backfill_routes
from model_admin.backfill.service import Backfills
from model_admin.backfill.worker import BackfillWorker
from model_admin.datasets.repository import PostgresLabelledPictures
from model_admin.datasets.routes import create_routes as dataset_routes
from model_admin.datasets.service import Datasets
from model_admin.drift.repository import PostgresDriftReader
from model_admin.drift.routes import create_routes as drift_routes
from model_admin.drift.service import DriftReport
from model_admin.drift.watch import DriftWatch
from model_admin.events.repository import PostgresEventRepository
from model_admin.events.routes import create_routes as event_routes
from model_admin.events.service import StorageEvents
from model_admin.insight.repository import PostgresComparisonReader
from model_admin.insight.routes import create_routes as insight_routes
from model_admin.insight.service import VersionComparison
from model_admin.registry.repository import PostgresVersionRepository
from model_admin.registry.routes import PATH as MODELS_PATH
from model_admin.registry.routes import create_routes as registry_routes
from model_admin.registry.service import ModelRegistry
from model_admin.replay.evidence import Evidence
from model_admin.replay.repository import PostgresRecordedPredictions
from model_admin.replay.routes import BODY_LIMITS as REPLAY_LIMITS
from model_admin.replay.routes import create_routes as replay_routes
from model_admin.replay.service import ReplayService
from model_admin.rollout.repository import PostgresRolloutRepository
from model_admin.rollout.routes import create_routes as rollout_routes
from model_admin.rollout.service import ModelRollout
from model_admin.serving.models import LoadedVersions
from model_admin.validation.repository import PostgresClaimRepository
from model_admin.validation.stored_pictures import StoredPictures
from model_admin.validation.worker import ValidationWorker
from model_admin.webhooks.repository import PostgresWebhookRepository
from model_admin.webhooks.routes import create_routes as webhook_routes
from model_admin.webhooks.service import Webhooks

# Multipart framing around the archive.
FRAMING_BYTES = 1 << 16


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; models are validated, and backfills run, in the background."""
    settings = settings or Settings.load()
    logs.configure("model-admin", settings.log_level, settings.log_dir)
    tracing.configure("model-admin", settings.otel_exporter_otlp_endpoint)
    database = Database(settings, size=settings.web_threads + 3)
    client = s3_client(settings, connections=settings.web_threads + 2)
    models = S3ObjectStore(client, settings.models_bucket_name)
    pictures = S3ObjectStore(client, settings.minio_bucket_name)
    threads = settings.inference_threads or available_cpus()
    worker = ValidationWorker(
        PostgresClaimRepository(database), models, settings.validation_timeout_seconds,
        settings.max_model_bytes, threads, StoredPictures(database, pictures))
    files = ModelFiles(models, settings.model_cache_dir)
    versions = LoadedVersions(database, ModelLoader(files, settings.engine, threads), {
        engine: ModelLoader(files, engine, threads) for engine in ("litert", "tensorflow")})
    backfills = BackfillWorker(
        PostgresBackfillClaims(database), versions,
        PictureClassifier(pictures, settings.max_pixels))
    trail = PostgresAuditTrail(database)
    registry = ModelRegistry(
        PostgresVersionRepository(database), models, worker.wake, settings.max_model_bytes)
    drift, metrics = PostgresDriftReader(database), CollectorRegistry()
    watch = DriftWatch(drift, metrics)
    app = create_web_app(
        "model-admin",
        Authenticator(settings),
        {"database": database.ping, "object store": models.ping},
        settings.max_body_bytes,
        metrics,
        limits=RateLimits(settings, reading="admin", writing="admin"),
        trusted_proxies=settings.trusted_proxies,
        body_limits={MODELS_PATH: settings.max_model_bytes + FRAMING_BYTES, **REPLAY_LIMITS},
    )
    refusals = RefusalLog(trail)
    refusals.install(app)
    app.register_blueprint(registry_routes(registry))
    app.register_blueprint(rollout_routes(ModelRollout(
        PostgresRolloutRepository(database), registry, models)))
    app.register_blueprint(backfill_routes(Backfills(
        PostgresBackfillRepository(database), backfills.wake)))
    app.register_blueprint(insight_routes(VersionComparison(PostgresComparisonReader(database))))
    app.register_blueprint(dataset_routes(Datasets(
        PostgresLabelledPictures(database), pictures, trail)))
    app.register_blueprint(drift_routes(DriftReport(drift)))
    app.register_blueprint(replay_routes(ReplayService(
        PostgresRecordedPredictions(database), versions, Evidence(pictures, models),
        settings.max_pixels, trail)))
    app.register_blueprint(event_routes(StorageEvents(
        PostgresEventRepository(database, settings.minio_bucket_name), pictures)))
    app.register_blueprint(webhook_routes(Webhooks(PostgresWebhookRepository(database))))
    app.register_blueprint(audit_routes(AuditLog(PostgresAuditReader(database))))
    refusals.start()
    worker.start()
    backfills.start()
    watch.start()
    return app
