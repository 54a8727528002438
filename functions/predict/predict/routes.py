"""POST /api/v1/predict: parse, call once, serialise."""
from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from common.auth import Principal
from common.errors import InvalidRequest
from common.web import principal
from predict.idempotency.key import HEADER, read_key
from predict.idempotency.service import Classifier
from predict.load import RequestLoad
from predict.orders import Order, content, order_of
from predict.service import Submission


def create_routes(service: Classifier, load: RequestLoad) -> Blueprint:
    """The routes of picture classification; `load` hears of each that is waited for."""
    routes = Blueprint("predict", __name__)

    @routes.post("/api/v1/predict")
    def predict() -> Response:
        caller = principal()
        file = request.files.get("file")
        if file is None:
            raise InvalidRequest("Send the picture as the multipart field file.")
        order = order_of(request.form, caller)
        submission = _submission(order, caller, content(file), file.filename or "")
        with load.request():
            answer = service.classify(submission)
        response = jsonify(order.answer(answer))
        response.headers["X-Model-Version"] = answer.model_version
        if answer.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    return routes


def _submission(order: Order, caller: Principal, data: bytes, filename: str) -> Submission:
    key = read_key(
        request.headers.get(HEADER), caller.user_id, order.user_id, order.top_k, data)
    return order.submission(data, filename, key)
