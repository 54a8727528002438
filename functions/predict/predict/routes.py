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
from predict.references import StoredPictures, read_reference
from predict.service import Submission


def create_routes(service: Classifier, stored: StoredPictures, load: RequestLoad) -> Blueprint:
    """The routes of picture classification; `load` hears of each that is waited for."""
    routes = Blueprint("predict", __name__)

    @routes.post("/api/v1/predict")
    def predict() -> Response:
        if request.is_json:
            order, submission = _referred_to(principal(), stored)
        else:
            order, submission = _sent(principal())
        with load.request():
            answer = service.classify(submission)
        response = jsonify(order.answer(answer))
        response.headers["X-Model-Version"] = answer.model_version
        if answer.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    return routes


def _sent(caller: Principal) -> tuple[Order, Submission]:
    """A picture that the request brings."""
    file = request.files.get("file")
    if file is None:
        raise InvalidRequest("Send the picture as the multipart field file.")
    order, data = order_of(request.form, caller), content(file)
    key = read_key(
        request.headers.get(HEADER), caller.user_id, order.user_id, order.top_k, data)
    return order, order.submission(data, file.filename or "", key)


def _referred_to(caller: Principal, stored: StoredPictures) -> tuple[Order, Submission]:
    """A picture that was stored before."""
    reference = read_reference(request.get_json(silent=True), caller)
    picture, data = stored.fetch(reference)
    order = Order(picture.user_id, None, reference.top_k)
    key = read_key(request.headers.get(HEADER), caller.user_id, order.user_id, order.top_k,
                   reference.content)
    return order, order.submission(data, picture.filename, key, picture)
