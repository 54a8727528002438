"""/v2: parse, call once, serialise."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from common.auth import Principal
from common.errors import InvalidRequest, ModelUnavailable
from common.web import principal
from predict.batch.service import MAX_PICTURES
from predict.idempotency.key import HEADER
from predict.models import Lineup
from predict.open_inference.service import OUTPUTS, InferenceProtocol
from predict.open_inference.tensors import read_request, write_answer
from predict.orders import Order
from predict.service import Submission

SERVER = {"name": "imgclass", "version": "1", "extensions": ["binary_tensor_data"]}
LENGTH = "Inference-Header-Content-Length"
MODEL = "/v2/models/<name>"
VERSION = f"{MODEL}/versions/<version>"
INFER_PATHS = (f"{MODEL}/infer", f"{VERSION}/infer")
# Probes, which clients send without a token.
OPEN_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})


def create_routes(
    protocol: InferenceProtocol, is_warm: Callable[[], bool],
    count: Callable[[Principal, int], None],
) -> Blueprint:
    """The routes of the protocol; `count` is told of the pictures beyond the first of a request.

    Errors below /v2 are told as the protocol wants it, whoever raises them.
    """
    routes = Blueprint("open_inference", __name__)
    routes.after_app_request(_in_protocol)

    @routes.get("/v2")
    def server() -> Response:
        return jsonify(SERVER)

    @routes.get("/v2/health/live")
    def live() -> Response:
        return jsonify(live=True)

    @routes.get("/v2/health/ready")
    def ready() -> Response:
        if not is_warm():
            raise ModelUnavailable("No model is loaded and warm.")
        return jsonify(ready=True)

    @routes.get(MODEL)
    @routes.get(VERSION)
    def model(name: str, version: str | None = None) -> Response:
        return jsonify(protocol.model(principal(), name, version))

    @routes.get(f"{MODEL}/ready")
    @routes.get(f"{VERSION}/ready")
    def model_ready(name: str, version: str | None = None) -> Response:
        protocol.model(principal(), name, version)
        return jsonify(name=name, ready=True)

    @routes.post(INFER_PATHS[0])
    @routes.post(INFER_PATHS[1])
    def infer(name: str, version: str | None = None) -> Response:
        caller = principal()
        if HEADER in request.headers:
            raise InvalidRequest(f"{HEADER} is for /api/v1/predict: here all is answered anew.")
        asked = read_request(
            request.get_data(cache=False), _header_length(), OUTPUTS, MAX_PICTURES)
        count(caller, len(asked.pictures) - 1)
        order = Order(caller.user_id, caller.email, None)

        def submission(data: bytes, lineup: Lineup) -> Submission:
            return replace(order.submission(data, "", None), lineup=lineup)

        model, tensors = protocol.infer(caller, name, version, asked.pictures, submission)
        head = {"model_name": name, "model_version": model.version}
        if asked.request_id is not None:
            head["id"] = asked.request_id
        return _answer(*write_answer(head, tensors, asked.outputs))

    return routes


def _header_length() -> int | None:
    sent = request.headers.get(LENGTH)
    if sent is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", sent):
        raise InvalidRequest(f"{LENGTH} must be a number of bytes.")
    return int(sent)


def _answer(body: bytes, header_length: int | None) -> Response:
    if header_length is None:
        return Response(body, mimetype="application/json")
    answer = Response(body, mimetype="application/octet-stream")
    answer.headers[LENGTH] = str(header_length)
    return answer


def _in_protocol(answer: Response) -> Response:
    """A problem as the protocol's clients expect it."""
    below = request.path == "/v2" or request.path.startswith("/v2/")
    if below and answer.mimetype == "application/problem+json":
        problem: dict[str, Any] = json.loads(answer.get_data())
        answer.set_data(json.dumps({"error": problem["detail"]}))
        answer.mimetype = "application/json"
    return answer
