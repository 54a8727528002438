"""Replays over HTTP with everything around them in memory."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.replay.repository import RecordedPrediction
from model_admin.replay.routes import BODY_LIMITS, create_routes
from tests import tokens
from tests.environments import settings
from tests.fakes.replays import Archive

Ask = Callable[..., TestResponse]


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def function(archive: Archive) -> Flask:
    """The function whose archive it is; its other routes take bodies of any size."""
    app = create_web_app(
        "model-admin", Authenticator(settings()), {}, 1 << 30, CollectorRegistry(),
        body_limits=BODY_LIMITS)
    app.register_blueprint(create_routes(archive.service()))
    return app


@pytest.fixture
def ask(function: Flask, archive: Archive) -> Ask:
    """Ask for the replay of a recorded prediction, as its owner unless told otherwise."""
    def ask(
        recorded: RecordedPrediction, user: uuid.UUID | None = None, **claims: Any
    ) -> TestResponse:
        return function.test_client().post(
            "/api/v1/replays", json={"prediction_id": str(recorded.prediction_id)},
            headers=tokens.bearer(user or archive.owner, **claims))
    return ask
