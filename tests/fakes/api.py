"""The service's HTTP interface in memory, on a real port: what the client and the CLI talk to."""
from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jwt
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, abort
from werkzeug.http import http_date
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.fakes.api_backfills import FakeBackfills, backfill_routes
from tests.fakes.api_events import FakeEvents, event_routes
from tests.fakes.api_exports import FakeExports, export_routes
from tests.fakes.api_feedback import FakeFeedback, feedback_routes
from tests.fakes.api_privacy import FakePrivacy, privacy_routes
from tests.fakes.api_rollout import FakeRollout, rollout_routes
from tests.fakes.api_uploads import STORE, FakeUploads, upload_routes
from tests.fakes.api_webhooks import FakeWebhooks, webhook_routes

SECRET = "a secret of the tests, longer than 32 bytes"
MODEL_VERSION = "v1"
JPEG = b"\xff\xd8\xff and so on"
PNG = b"\x89PNG and so on"
CLASSES = {b"\xff\xd8\xff": "espresso", b"\x89PNG": "Egyptian cat", b"RIFF": "tabby"}
MAX_BODY_BYTES = 64 * 1024
FOR_ADMINS = (
    "/api/v1/models", "/api/v1/backfills", "/api/v1/events", "/api/v1/webhooks", "/api/v1/audit",
    "/api/v1/datasets", "/api/v1/drift")
FIRST_INSTANT = datetime(2026, 1, 1, tzinfo=timezone.utc)

LINEAGE = {
    "prediction_time_ms": 12, "source": "http", "request_id": "request-1",
    "top_k": [{"index": 0, "label": "espresso", "confidence": 0.9375}],
    "model_version": MODEL_VERSION, "engine": "litert", "model_digest": "1" * 64,
    "twin_digest": "2" * 64, "preprocessing_digest": "3" * 64, "image_sha256": "4" * 64}
IMAGE = {
    "filename": "cup.jpg", "object_key": "2026/01/01/1.jpg", "content_type": "image/jpeg",
    "sha256": "4" * 64, "width": 4, "height": 3, "source": "http",
    "created_at": "2026-01-01T00:00:00Z"}


@dataclass
class Outage:
    """After `after` good answers, `times` requests get this status instead."""

    status: int
    times: int
    retry_after: str | None = None
    after: int = 0

    def strikes(self) -> bool:
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class FakeApi:
    """Start it with `with`; `requests` lists method and path of all that came in,
    `queries` what was asked with them.

    `bucket` is what lies in the models bucket besides registered models. So many answers as
    `losing` says are given up half-way, once everything is done. `answers` are kept by key. Its
    clock is `seconds_ahead`.
    """

    looks_until_validated: int = 1
    outage: Outage | None = None
    losing: int = 0
    seconds_ahead: float = 0
    url: str = ""
    requests: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    bucket: dict[str, bytes] = field(default_factory=dict)
    backfills: FakeBackfills = field(default_factory=FakeBackfills)
    events: FakeEvents = field(default_factory=FakeEvents)
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    exports: FakeExports = field(default_factory=FakeExports)

    def __post_init__(self) -> None:
        self.rollout = FakeRollout(self.models)
        self.feedback = FakeFeedback(self.predictions)
        self.privacy = FakePrivacy(self.images, self.predictions)
        self.uploads = FakeUploads(lambda user_id, data: self.classify(user_id, data, None))

    def __enter__(self) -> FakeApi:
        self._server = make_server(
            "127.0.0.1", 0, _routes(self), threaded=True, request_handler=_dated(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def classify(self, user_id: str, picture: bytes, top_k: int | None) -> dict[str, Any]:
        name = next((CLASSES[magic] for magic in CLASSES if picture.startswith(magic)), None)
        if name is None:
            abort(415, "The bytes are not a JPEG, PNG or WebP picture.")
        image_id = str(uuid.uuid4())
        self.images[image_id] = picture
        stored = self.remember(user_id, name, image_id)
        answer = {**stored, "prediction_time_ms": 12}
        del answer["created_at"], answer["user_id"]
        if top_k is not None:
            ranks = [{"class": name, "index": 0, "confidence": 0.9375},
                     {"class": "cup", "index": 1, "confidence": 0.0625}]
            answer["top_k"] = ranks[:top_k]
        return answer

    def remember(self, user_id: str, name: str, image_id: str) -> dict[str, Any]:
        """Put a prediction on top of the history."""
        instant = FIRST_INSTANT + timedelta(seconds=len(self.predictions))
        self.predictions.insert(0, {
            "prediction_id": str(uuid.uuid4()), "image_id": image_id, "predicted_class": name,
            "confidence_score": 0.9375, "created_at": instant.isoformat(), "user_id": user_id})
        return self.predictions[0]

    def register(self, archive: bytes) -> tuple[dict[str, Any], int]:
        """Models whose graph is the word "unsafe" are going to be rejected."""
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            manifest = json.loads(files.read("manifest.json"))
            unsafe = files.read("saved_model/saved_model.pb") == b"unsafe"
        digest = hashlib.sha256(archive).hexdigest()
        known = self.models.get(manifest["version"])
        if known is not None:
            if known["digest"] != digest:
                abort(409, f"Version {manifest['version']} is registered with another archive.")
            return known, 200
        self.models[manifest["version"]] = {
            "version": manifest["version"], "name": manifest["name"], "state": "validating",
            "is_active": False, "canary_percent": 0, "shadow": False, "digest": digest,
            "twin_digest": None, "manifest": manifest, "report": None,
            "size_bytes": len(archive), "created_at": "2026-01-01T00:00:00Z",
            "validated_at": None, "activated_at": None, "looks": 0, "unsafe": unsafe,
        }
        return self.models[manifest["version"]], 202

    def look(self, version: str) -> dict[str, Any]:
        """A model as it stands; its validation ends after so many looks."""
        model = self.models.get(version) or abort(404, f"There is no model {version}.")
        model["looks"] += 1
        if model["state"] == "validating" and model["looks"] > self.looks_until_validated:
            if model["unsafe"]:
                model.update(state="rejected", report={"reason": "The graph has unsafe ops."})
            else:
                model.update(state="ready", twin_digest="0" * 64, report={})
        return model


def model_archive(path: Path, version: str, graph: bytes = b"safe") -> Path:
    """Write an archive that the service takes; see FakeApi.register for `graph`."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"version": version, "name": "tiny"}))
        archive.writestr("saved_model/saved_model.pb", graph)
    return path


def token(subject: str = str(uuid.uuid4()), admin: bool = False, lifetime: int = 600) -> str:
    """A token this service accepts, for `lifetime` seconds."""
    claims = {
        "iss": "imgclass", "aud": "imgclass", "sub": subject, "email": "someone@example.com",
        "roles": ["admin"] if admin else [], "exp": int(time.time()) + lifetime,
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")


def _dated(api: FakeApi) -> type[WSGIRequestHandler]:
    """Answers with the time that the service has."""
    class Dated(WSGIRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return http_date(time.time() + api.seconds_ahead)

    return Dated


def _routes(api: FakeApi) -> Flask:
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # set by Flask's default provider

    @app.before_request
    def admit() -> None:
        api.requests.append(f"{request.method} {request.path}")
        api.queries.append(request.args.to_dict())
        body = request.get_data()
        if api.outage is not None and api.outage.strikes():
            abort(api.outage.status)
        if request.path == "/health" or request.path.startswith(STORE):
            return
        g.claims = _claims(request.headers.get("Authorization", ""))
        if len(body) > MAX_BODY_BYTES:
            abort(413, "The body exceeds the limit of 64 KiB.")
        if request.path.startswith(FOR_ADMINS) and "admin" not in g.claims["roles"]:
            abort(403, "This needs a token with the role admin.")

    @app.after_request
    def lose(answer: Response) -> Response:
        if api.losing == 0:
            return answer
        api.losing -= 1
        return Response(iter(()), answer.status, {"Content-Length": "100"})

    @app.errorhandler(HTTPException)
    def problem(error: HTTPException) -> Response:
        status = error.code or 500
        body = {
            "type": f"urn:imgclass:problem:{error.name.lower().replace(' ', '-')}",
            "title": error.name, "status": status, "detail": error.description,
            "instance": request.path, "request_id": "request-1"}
        answer = Response(json.dumps(body), status, mimetype="application/problem+json")
        if api.outage is not None and api.outage.retry_after is not None:
            answer.headers["Retry-After"] = api.outage.retry_after
        return answer

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/another-service/<path:path>")
    def page(path: str) -> str:
        return "<html>Something else.</html>"

    _picture_routes(app, api)
    _model_routes(app, api)
    app.register_blueprint(backfill_routes(api.backfills))
    app.register_blueprint(webhook_routes(api.webhooks))
    app.register_blueprint(rollout_routes(api.rollout))
    app.register_blueprint(upload_routes(api.uploads))
    app.register_blueprint(event_routes(api.events))
    app.register_blueprint(privacy_routes(api.privacy))
    app.register_blueprint(feedback_routes(api.feedback))
    app.register_blueprint(export_routes(api.exports))
    return app


def _picture_routes(app: Flask, api: FakeApi) -> None:
    @app.post("/api/v1/predict")
    def predict() -> tuple[dict[str, Any], int, dict[str, str]]:
        if request.is_json:
            picture = _stored(api, request.get_json()["image_id"])
            top_k = request.get_json().get("top_k")
        else:
            picture, top_k = request.files["file"].read(), _sent_top_k()
        key = request.headers["Idempotency-Key"]
        if key not in api.answers:
            api.answers[key] = api.classify(g.claims["sub"], picture, top_k)
        return api.answers[key], 200, {"X-Model-Version": MODEL_VERSION}

    @app.post("/api/v1/predict/batch")
    def predict_batch() -> dict[str, Any]:
        top_k, key = _sent_top_k(), request.headers["Idempotency-Key"]
        results = []
        for number, file in enumerate(request.files.getlist("file")):
            try:
                answer = api.answers.get(f"{key} {number}") or api.classify(
                    g.claims["sub"], file.read(), top_k)
            except HTTPException as error:
                results.append({"status": error.code, "title": error.name,
                                "detail": error.description})
                continue
            api.answers[f"{key} {number}"] = answer
            results.append({**answer, "model_version": MODEL_VERSION, "replayed": False})
        return {"results": results}

    @app.get("/api/v1/predictions")
    def predictions() -> dict[str, Any]:
        page = request.args.get("page", 1, int)
        limit = request.args.get("limit", 20, int)
        start = request.args.get("cursor", (page - 1) * limit, int)
        found = [each for each in api.predictions if _matches(each)]
        shown = [{name: each[name] for name in each if name != "user_id"}
                 for each in found[start:start + limit]]
        more = start + limit < len(found)
        return {"predictions": shown, "total": len(found), "page": page, "limit": limit,
                "next_cursor": str(start + limit) if more else None}

    @app.get("/api/v1/predictions/<prediction_id>")
    def prediction(prediction_id: str) -> dict[str, Any]:
        for each in api.predictions:
            if each["prediction_id"] == prediction_id:
                return {**each, **LINEAGE, "feedback": api.feedback.said.get(prediction_id)}
        abort(404, "There is no such prediction.")

    @app.get("/api/v1/images/<image_id>")
    def image(image_id: str) -> dict[str, Any]:
        size = len(_stored(api, image_id))
        return {"image_id": image_id, "user_id": g.claims["sub"], "size_bytes": size, **IMAGE}

    @app.get("/api/v1/images/<image_id>/content")
    def image_content(image_id: str) -> Response:
        return Response(_stored(api, image_id), mimetype="image/jpeg")


def _model_routes(app: Flask, api: FakeApi) -> None:
    @app.get("/api/v1/models")
    def models() -> dict[str, Any]:
        return {"models": list(api.models.values())}

    @app.post("/api/v1/models")
    def register() -> tuple[dict[str, Any], int]:
        if not request.is_json:
            return api.register(request.files["archive"].read())
        key = request.get_json()["object_key"]
        return api.register(api.bucket.get(key) or abort(404, f"There is no object {key}."))

    @app.get("/api/v1/models/<version>")
    def model(version: str) -> dict[str, Any]:
        return api.look(version)


def _claims(authorization: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"],
            issuer="imgclass", audience="imgclass")
    except jwt.ExpiredSignatureError:
        abort(401, "The token has expired.")
    except jwt.PyJWTError:
        abort(401, "The token is not valid here.")
    return claims


def _sent_top_k() -> int | None:
    """top_k of a form, whose user has to be the caller."""
    if request.form.get("user_id") != g.claims["sub"]:
        abort(403, "user_id must be your own.")
    return request.form.get("top_k", type=int)


def _matches(prediction: dict[str, Any]) -> bool:
    wanted = request.args
    return (
        prediction["user_id"] == g.claims["sub"]
        and wanted.get("predicted_class") in (None, prediction["predicted_class"])
        and prediction["confidence_score"] >= float(wanted.get("min_confidence", "0"))
    )


def _stored(api: FakeApi, image_id: str) -> bytes:
    return api.images.get(image_id) or abort(404, "There is no such image.")
