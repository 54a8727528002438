"""The wiring of model-admin, with nothing there to talk to."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from model_admin.app import FRAMING_BYTES, create_app
from model_admin.backfill.worker import BackfillWorker
from model_admin.drift.watch import DriftWatch
from model_admin.validation.worker import ValidationWorker
from tests import tokens
from tests.environments import settings
from tests.root_logger import untouched_root_logger

BODY, ARCHIVE = 1000, 5000


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    for worker in (BackfillWorker, DriftWatch, ValidationWorker):
        monkeypatch.setattr(worker, "start", lambda worker: None)
    with untouched_root_logger():
        yield create_app(settings(
            LOG_DIR=tmp_path, MAX_BODY_BYTES=str(BODY), MAX_MODEL_BYTES=str(ARCHIVE)))


@pytest.mark.parametrize(("path", "limit"), [
    ("/api/v1/backfills", BODY), ("/api/v1/webhooks", BODY), ("/api/v1/events/retry", BODY),
    ("/api/v1/replays", 4096), ("/api/v1/models", ARCHIVE + FRAMING_BYTES)])
def test_body_limits(app: Flask, path: str, limit: int) -> None:
    """Only an archive may be as long as an archive: JSON is read into memory."""
    client, headers = app.test_client(), tokens.bearer(uuid.uuid4(), roles=["admin"])
    kind = "application/octet-stream"
    answers = [client.post(path, data=bytes(size), headers=headers, content_type=kind)
               for size in (limit, limit + 1)]
    assert [answer.status_code for answer in answers] == [400, 413]
    assert f"at most {limit} bytes" in answers[1].json["detail"]
