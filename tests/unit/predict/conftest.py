"""predict with everything behind it in memory."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from urllib3 import encode_multipart_formdata
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.rate_limits import RateLimits
from common.web import create_web_app
from predict.batch.routes import PATH as BATCH_PATH
from predict.batch.routes import create_routes as batch_routes
from predict.batch.service import BatchClassifier
from predict.form_parser import InMemoryRequest
from predict.idempotency.repository import StoredAnswer
from predict.idempotency.service import RepeatableClassification
from predict.load import RequestLoad
from predict.open_inference.routes import INFER_PATHS, OPEN_PATHS
from predict.open_inference.routes import create_routes as open_inference_routes
from predict.open_inference.service import InferenceProtocol
from predict.references import StoredPictures
from predict.routes import create_routes
from predict.service import ClassificationService
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures, tokens
from tests.environments import settings
from tests.fakes.keys import InMemoryKeys, stored_answer
from tests.fakes.models import FixedLineup, fake_model
from tests.fakes.repository import InMemoryPredictionRepository
from tests.fakes.storage import InMemoryObjectStore

USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
# The test client puts longer bodies into files that it does not close.
BODY_LIMIT, BATCH_LIMIT = 200_000, 450_000
# The most pictures that one user may send in a test.
BUDGET = 100


class Function:
    """predict with everything behind it in memory."""

    def __init__(self) -> None:
        self.models = FixedLineup(fake_model())
        self.store = InMemoryObjectStore()
        self.repository = InMemoryPredictionRepository()
        self.executor = ThreadPoolExecutor(2)
        registry = CollectorRegistry()
        telemetry = Telemetry(registry)
        self.shadow = ShadowScorer(self.repository, telemetry, max_pixels=1_000_000)
        service = ClassificationService(
            self.models, self.store, self.repository, self.executor, self.shadow, telemetry,
            max_pixels=1_000_000)
        self.keys = InMemoryKeys(self._stored_answer)
        self.repository.complete_key = self.keys.complete
        repeatable = RepeatableClassification(service, self.keys)
        limits = RateLimits(settings(RATE_LIMIT_PREDICT=f"{BUDGET}/hour"), "read", "predict")
        load = RequestLoad(2)
        self.batches = BatchClassifier(repeatable, load, 2, BODY_LIMIT)
        app = create_web_app(
            "predict", Authenticator(settings()), {}, BODY_LIMIT, registry, limits=limits,
            open_paths=OPEN_PATHS,
            body_limits=dict.fromkeys((BATCH_PATH, *INFER_PATHS), BATCH_LIMIT))
        app.request_class = InMemoryRequest
        stored = StoredPictures(self.repository, self.store, BODY_LIMIT)
        app.register_blueprint(create_routes(repeatable, stored, load))
        app.register_blueprint(batch_routes(self.batches, limits.count))
        app.register_blueprint(open_inference_routes(
            InferenceProtocol(self.models, self.batches, max_pixels=1_000_000),
            lambda: self.models.current is not None, limits.count))
        self.client: FlaskClient = app.test_client()

    def post(
        self, picture: bytes | None = pictures.png(60, 40), name: str | None = "cup.png",
        headers: dict[str, str] | None = None, environ: dict[str, Any] | None = None,
        **fields: str,
    ) -> TestResponse:
        """Send the form; without a `user_id` it is the caller's own."""
        data: dict[str, Any] = {"user_id": str(USER), **fields}
        data = {key: value for key, value in data.items() if value is not None}
        if picture is not None:
            data["file"] = (name, picture, "image/png")
        # werkzeug's own client leaves out a line break after an empty field.
        body, media_type = encode_multipart_formdata(data)
        return self.client.post("/api/v1/predict", data=body, content_type=media_type,
                                headers={**tokens.bearer(USER), **(headers or {})},
                                environ_overrides=environ)

    def post_batch(
        self, *files: bytes, headers: dict[str, str] | None = None, **fields: str,
    ) -> TestResponse:
        """Send pictures as cup0, cup1, ...; without a `user_id` it is the caller's own."""
        data = {"user_id": str(USER), **fields}
        body, media_type = encode_multipart_formdata([
            *data.items(),
            *(("file", (f"cup{number}", each)) for number, each in enumerate(files))])
        return self.client.post(BATCH_PATH, data=body, content_type=media_type,
                                headers={**tokens.bearer(USER), **(headers or {})})

    def close(self) -> None:
        """End the threads, once they have done everything."""
        for each in (self.batches, self.shadow):
            each.close()
        self.executor.shutdown()

    def _stored_answer(self, prediction_id: uuid.UUID) -> StoredAnswer | None:
        found = self.repository.predictions.get(prediction_id)
        return found and stored_answer(prediction_id, found)

    def recorded(self) -> Any:
        """The one record there is."""
        ((_, record),) = self.repository.predictions.items()
        return record


@pytest.fixture
def function() -> Iterator[Function]:
    made = Function()
    yield made
    made.close()


def assert_problem(answer: TestResponse, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["type"] == f"urn:imgclass:problem:{kind}"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
