"""The wiring of predict."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from prometheus_client import CollectorRegistry

from common import logs, tracing
from common.audit import PostgresAuditTrail
from common.auth import Authenticator, MachineToken
from common.config import Settings
from common.cpu import available_cpus
from common.db import Database
from common.inference.files import ModelFiles
from common.inference.model import ModelLoader
from common.notifications import Listener
from common.quick_store import QuickObjectStore
from common.rate_limits import RateLimits
from common.refusals import RefusalLog
from common.web import create_web_app, failing
from predict.batch.routes import PATH as BATCH_PATH
from predict.batch.routes import create_routes as batch_routes
from predict.batch.service import BatchClassifier
from predict.form_parser import InMemoryRequest
from predict.idempotency.repository import PostgresKeyRepository
from predict.idempotency.service import RepeatableClassification
from predict.inbox import cron
from predict.inbox.classifier import UploadClassifier
from predict.inbox.picture_index import PostgresPictureIndex
from predict.inbox.reconcile import Reconciler
from predict.inbox.repository import PostgresInbox
from predict.inbox.routes import BODY_LIMITS as NOTIFICATION_LIMITS
from predict.inbox.routes import create_routes as inbox_routes
from predict.inbox.service import InboxService
from predict.inbox.sweep import Sweeper, SweepTimer
from predict.inbox.sweep_lock import PostgresSweepLock
from predict.inbox.telemetry import InboxTelemetry
from predict.inbox.worker import InboxWorker
from predict.load import RequestLoad
from predict.models import ModelHost
from predict.open_inference.routes import INFER_PATHS, OPEN_PATHS
from predict.open_inference.routes import create_routes as open_inference_routes
from predict.open_inference.service import InferenceProtocol
from predict.outbox.addresses import AddressGuard
from predict.outbox.courier import HttpCourier
from predict.outbox.repository import PostgresOutbox
from predict.outbox.sending import Sender
from predict.outbox.telemetry import OutboxTelemetry
from predict.outbox.worker import OutboxWorker
from predict.repository import PostgresPredictionRepository
from predict.rollout import CHANNEL, PostgresRolloutRepository
from predict.references import StoredPictures
from predict.routes import create_routes
from predict.service import ClassificationService
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from predict.uploads.forms import PublicFormSigner
from predict.uploads.repository import PostgresUploadRepository
from predict.uploads.routes import create_routes as upload_routes
from predict.uploads.service import Uploads


# Deliveries never wait for a connection that requests use, nor these for theirs.
OUTBOX_CONNECTIONS = 3


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; the model is loaded in the background."""
    settings = settings or Settings.load()
    logs.configure("predict", settings.log_level, settings.log_dir)
    tracing.configure("predict", settings.otel_exporter_otlp_endpoint)
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    threads = settings.inference_threads or available_cpus()
    # One waits for the store or the database while the others compute.
    inbox_threads = settings.inbox_threads or available_cpus() + 1
    # While one picture of a batch is stored and recorded, another is inferred.
    batch_threads = 2 * threads
    # Requests, batches, the inbox, and one for each thread in the background.
    connections = settings.web_threads + batch_threads + 2 * inbox_threads + 2
    database = Database(settings, size=connections)
    bucket = settings.minio_bucket_name
    outbox = OutboxWorker(
        PostgresOutbox(Database(settings, size=OUTBOX_CONNECTIONS), settings.k_sink),
        HttpCourier(
            Sender(AddressGuard(settings.webhook_networks)), Sender(None),
            settings.k_ce_overrides),
        OutboxTelemetry(registry), settings.webhook_max_attempts)
    repository = PostgresPredictionRepository(database, bool(settings.k_sink), outbox.wake)
    pictures = QuickObjectStore(settings, bucket, connections)
    files = ModelFiles(
        QuickObjectStore(settings, settings.models_bucket_name, connections),
        settings.model_cache_dir, settings.baked_models_dir)
    models = ModelHost(
        PostgresRolloutRepository(database),
        ModelLoader(files, settings.engine, threads, settings.micro_batches),
        telemetry,
        Listener(database, CHANNEL).wait,
        settings.model_poll_seconds,
    )
    service = ClassificationService(
        models, pictures, repository,
        ThreadPoolExecutor(connections, thread_name_prefix="store"),
        ShadowScorer(repository, telemetry, settings.max_pixels),
        telemetry, settings.max_pixels)
    keys = PostgresKeyRepository(database)
    checks = {"model": models.check, "database": database.ping, "object store": pictures.ping}
    load, inbox_telemetry = RequestLoad(threads), InboxTelemetry(registry)
    inbox = PostgresInbox(database, bucket, bool(settings.k_sink), outbox.wake)
    worker = InboxWorker(
        inbox,
        UploadClassifier(pictures, service, settings.max_body_bytes, settings.keep_uploads),
        load, inbox_telemetry, models.is_warm, lambda: not failing(checks), bucket,
        inbox_threads, settings.inbox_max_attempts)
    sweeper = Sweeper(
        pictures, inbox, Reconciler(pictures, PostgresPictureIndex(database)),
        PostgresSweepLock(database), bucket, inbox_telemetry, keys.forget_expired,
        settings.inbox_keep_days)
    limits = RateLimits(settings, reading="read", writing="predict")
    app = create_web_app(
        "predict", Authenticator(settings), checks, settings.max_body_bytes, registry,
        MachineToken(settings.events_token), open_paths=OPEN_PATHS | {cron.PATH},
        limits=limits, trusted_proxies=settings.trusted_proxies,
        body_limits={
            **dict.fromkeys((BATCH_PATH, *INFER_PATHS), settings.max_batch_bytes),
            **NOTIFICATION_LIMITS})
    app.request_class = InMemoryRequest
    repeatable = RepeatableClassification(service, keys)
    app.register_blueprint(create_routes(
        repeatable, StoredPictures(repository, pictures, settings.max_body_bytes), load))
    batches = BatchClassifier(repeatable, load, batch_threads, settings.max_body_bytes)
    app.register_blueprint(batch_routes(batches, limits.count))
    app.register_blueprint(open_inference_routes(
        InferenceProtocol(models, batches, settings.max_pixels), models.is_warm, limits.count))
    inbox_service = InboxService(inbox, worker, sweeper, bucket, outbox.drain)
    app.register_blueprint(inbox_routes(inbox_service))
    if settings.cron_seconds:
        app.register_blueprint(cron.create_routes(
            cron.Rounds(inbox_service, settings.cron_seconds)))
    app.register_blueprint(upload_routes(Uploads(
        PostgresUploadRepository(database, bucket),
        PublicFormSigner(settings), pictures, settings.max_body_bytes)))
    refusals = RefusalLog(PostgresAuditTrail(database))
    refusals.install(app)
    models.start()
    refusals.start()
    if settings.inbox_worker:
        worker.start()
    if settings.sweep_seconds:
        SweepTimer(inbox_service.sweep, settings.sweep_seconds).start()
    outbox.start()
    return app
