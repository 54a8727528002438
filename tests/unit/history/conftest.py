"""History with everything around it in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator, MachineToken
from common.web import create_web_app
from history.erasure import routes as erasure_routes
from history.erasure.service import Erasures
from history.erasure.worker import ErasureWorker
from history.feedback import routes as feedback_routes
from history.feedback.service import Feedback
from history.images import routes as image_routes
from history.images.repository import Image
from history.images.service import ImageArchive
from history.predictions import routes as prediction_routes
from history.predictions.repository import Row
from history.predictions.service import PredictionHistory
from history.reference import routes as reference_routes
from history.stats import routes as stats_routes
from history.stats.service import PredictionStats
from history.users import routes as user_routes
from history.users.service import Users
from tests import tokens
from tests.environments import settings
from tests.fakes.audit import InMemoryTrail
from tests.fakes.erasures import InMemoryErasures
from tests.fakes.feedback import InMemoryFeedback
from tests.fakes.history import (
    InMemoryImageReader, InMemoryPredictionReader, InMemoryStatsReader, InMemoryUserReader,
    image, prediction)
from tests.fakes.storage import InMemoryObjectStore


EVENTS_TOKEN = "the token of the tests' machines"


@dataclass
class House:
    """The function's routes, what they read from, and two of its users."""

    predictions: InMemoryPredictionReader = field(default_factory=InMemoryPredictionReader)
    stats: InMemoryStatsReader = field(default_factory=InMemoryStatsReader)
    images: InMemoryImageReader = field(default_factory=InMemoryImageReader)
    users: InMemoryUserReader = field(default_factory=InMemoryUserReader)
    erasures: InMemoryErasures = field(default_factory=InMemoryErasures)
    trail: InMemoryTrail = field(default_factory=InMemoryTrail)
    store: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    ada: uuid.UUID = field(default_factory=uuid.uuid4)
    bob: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        app = create_web_app(
            "history", Authenticator(settings()), {}, 100_000, CollectorRegistry(),
            MachineToken(EVENTS_TOKEN), open_paths=reference_routes.OPEN_PATHS,
            body_limits=feedback_routes.BODY_LIMITS)
        app.register_blueprint(reference_routes.create_routes())
        app.register_blueprint(prediction_routes.create_routes(
            PredictionHistory(self.predictions, self.trail)))
        app.register_blueprint(stats_routes.create_routes(
            PredictionStats(self.stats, self.trail)))
        self.feedback = InMemoryFeedback(self.predictions.rows)
        app.register_blueprint(feedback_routes.create_routes(
            Feedback(self.feedback, self.trail)))
        app.register_blueprint(image_routes.create_routes(
            ImageArchive(self.images, self.store, self.trail)))
        app.register_blueprint(user_routes.create_routes(Users(self.users, self.trail)))
        app.register_blueprint(erasure_routes.create_routes(
            Erasures(self.erasures, ErasureWorker(self.erasures, self.store))))
        self.app: Flask = app

    def get(
        self, path: str, user: uuid.UUID | None = None, admin: bool = False, method: str = "GET",
        headers: dict[str, str] | None = None, **query: object,
    ) -> TestResponse:
        """What `user`, by default Ada, is answered."""
        roles = ["admin"] if admin else []
        return self.app.test_client().open(
            path, method=method, query_string={name: str(value) for name, value in query.items()},
            headers={**tokens.bearer(user or self.ada, roles=roles), **(headers or {})})

    def predicted(self, user: uuid.UUID | None = None, **changes: object) -> Row:
        """Record a prediction, by default one of Ada's."""
        row = prediction(**{"user_id": user or self.ada, **changes})
        self.predictions.rows.append(row)
        return row

    def stored(
        self, data: bytes = b"\xff\xd8\xff and so on", user: uuid.UUID | None = None,
        **changes: object,
    ) -> Image:
        """Store a picture, by default one of Ada's."""
        stored = image(user or self.ada, **{"size_bytes": len(data), **changes})
        self.images.images.append(stored)
        self.erasures.images[stored.image_id] = stored.user_id, stored.object_key
        self.store.put(stored.object_key, data, stored.content_type)
        return stored


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes on in the background of applications made in this process."""
    monkeypatch.setattr(ErasureWorker, "start", lambda worker: None)
