"""POST /api/v1/predict: parse, call once, serialise."""
from __future__ import annotations

import io
import uuid
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.datastructures import FileStorage

from common.auth import Principal
from common.errors import Forbidden, InvalidRequest
from common.fields import clean_filename, parse_integer, parse_uuid
from common.web import deadline, principal
from predict.idempotency.key import HEADER, read_key
from predict.idempotency.service import Classifier
from predict.load import RequestLoad
from predict.service import Submission

MAX_TOP_K = 100


def create_routes(service: Classifier, load: RequestLoad) -> Blueprint:
    """The routes of picture classification; `load` hears of each that is waited for."""
    routes = Blueprint("predict", __name__)

    @routes.post("/api/v1/predict")
    def predict() -> Response:
        sent = request.form.get("top_k")
        top_k = None if sent is None else parse_integer("top_k", sent, 1, MAX_TOP_K)
        submission = _submission(principal(), top_k)
        with load.request():
            answer = service.classify(submission)
        body: dict[str, Any] = {
            "prediction_id": str(answer.prediction_id),
            "image_id": str(answer.image_id),
            "predicted_class": answer.scores[0].label,
            "confidence_score": answer.scores[0].confidence,
            "prediction_time_ms": answer.prediction_time_ms,
        }
        if top_k is not None:
            body["top_k"] = [score.as_json() for score in answer.scores[:top_k]]
        response = jsonify(body)
        response.headers["X-Model-Version"] = answer.model_version
        if answer.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    return routes


def _submission(caller: Principal, top_k: int | None) -> Submission:
    file = request.files.get("file")
    if file is None:
        raise InvalidRequest("Send the picture as the multipart field file.")
    user_id = _user_id(request.form.get("user_id"), caller)
    data = _content(file)
    return Submission(
        data=data,
        filename=clean_filename(file.filename or ""),
        user_id=user_id,
        email=caller.email if user_id == caller.user_id else None,
        request_id=g.request_id,
        top_k=top_k or 1,
        deadline=deadline(),
        key=read_key(request.headers.get(HEADER), caller.user_id, user_id, top_k, data),
        began=g.started,
    )


def _content(file: FileStorage) -> bytes:
    """The bytes of an uploaded file, without a copy where they are in memory."""
    return file.stream.getvalue() if isinstance(file.stream, io.BytesIO) else file.read()


def _user_id(text: str | None, caller: Principal) -> uuid.UUID:
    if not text:
        raise InvalidRequest("Send the picture's owner as the multipart field user_id.")
    user_id = parse_uuid("user_id", text)
    if user_id != caller.user_id and not caller.is_admin:
        raise Forbidden("user_id must be your own.")
    return user_id
