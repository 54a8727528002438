"""A model-admin that does nothing but backfills, to be killed; it is run as a module.

It takes the settings of its environment and, as its argument, the seconds of a lease. What it
serves is a made-up model v2.
"""
from __future__ import annotations

import sys
import time

from common.config import Settings
from common.db import Database
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from model_admin.backfill.claims import PostgresBackfillClaims
from model_admin.backfill.classifier import PictureClassifier
from model_admin.backfill.worker import BackfillWorker
from tests.fakes.backfills import FixedVersions
from tests.fakes.models import fake_model

POLL_SECONDS = 0.05


def create_worker(settings: Settings, lease_seconds: float) -> BackfillWorker:
    """The worker, wired as in model-admin but for the model."""
    store = S3ObjectStore(s3_client(settings, 2), settings.minio_bucket_name)
    return BackfillWorker(
        PostgresBackfillClaims(Database(settings, size=2)),
        FixedVersions(fake_model(version="v2")),
        PictureClassifier(store, settings.max_pixels), lease_seconds)


def main(lease_seconds: str) -> None:
    """Work until killed."""
    worker = create_worker(Settings.load(), float(lease_seconds))
    while True:
        if not worker.run_once():
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
