"""POST /api/v1/predict/batch: parse, call once, serialise."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from common.auth import Principal
from common.errors import InvalidRequest, PayloadTooLarge
from common.problems import describe
from common.web import principal
from predict.batch.service import MAX_PICTURES, BatchClassifier
from predict.idempotency.key import HEADER, part_of_key, read_key
from predict.orders import Order, content, order_of
from predict.service import Classification, Submission

PATH = "/api/v1/predict/batch"


def create_routes(
    service: BatchClassifier, count: Callable[[Principal, int], None]
) -> Blueprint:
    """The route of batches; `count` is told of the pictures beyond the first of a request."""
    routes = Blueprint("batch", __name__)

    @routes.post(PATH)
    def classify() -> Response:
        caller = principal()
        files = request.files.getlist("file")
        if not files:
            raise InvalidRequest("Send each picture as a multipart field file.")
        if len(files) > MAX_PICTURES:
            raise PayloadTooLarge(f"A batch may have at most {MAX_PICTURES} pictures.")
        order = order_of(request.form, caller)
        submissions = [
            _submission(order, caller, number, content(file), file.filename or "")
            for number, file in enumerate(files)]
        count(caller, len(files) - 1)
        return jsonify({
            "results": [_told(order, result) for result in service.classify(submissions)]})

    return routes


def _submission(
    order: Order, caller: Principal, number: int, data: bytes, filename: str
) -> Submission:
    key = read_key(
        request.headers.get(HEADER), caller.user_id, order.user_id, order.top_k, data)
    return order.submission(data, filename, key and part_of_key(key, number))


def _told(order: Order, result: Classification | Exception) -> dict[str, Any]:
    if isinstance(result, Exception):
        return describe(result)
    return {
        **order.answer(result), "model_version": result.model_version,
        "replayed": result.replayed}
