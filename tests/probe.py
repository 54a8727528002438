"""A small function built on common.web, with routes that show what reached it: `probe:app`."""
from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry

from common.auth import Authenticator, MachineToken
from common.rate_limits import RateLimits
from common.web import NOBODY, ReadinessCheck, create_web_app, principal
from tests.environments import settings

BODY_LIMIT = 300_000


def create_probe(
    checks: Mapping[str, ReadinessCheck] | None = None,
    body_limit: int = BODY_LIMIT,
    registry: CollectorRegistry | None = None,
    machine_token: MachineToken = NOBODY,
    limits: RateLimits | None = None,
) -> Flask:
    """The application; its errors are raised by tests that add routes."""
    app = create_web_app(
        "probe", Authenticator(settings()), checks or {}, body_limit,
        registry or CollectorRegistry(), machine_token, limits=limits,
        trusted_proxies=[ipaddress.ip_network("127.0.0.1")])

    @app.post("/body")
    def body() -> ResponseReturnValue:
        return _describe(request.get_data())

    @app.post("/pieces")
    def pieces() -> ResponseReturnValue:
        return _describe(b"".join(iter(lambda: request.stream.read(1000), b"")))

    @app.post("/form")
    def form() -> ResponseReturnValue:
        return _describe(request.files["file"].read(), fields=sorted(request.form))

    @app.post("/unread")
    def unread() -> ResponseReturnValue:
        return jsonify(read=False)

    @app.route("/seen", methods=["GET", "POST"])
    def seen() -> ResponseReturnValue:
        return _describe(
            request.get_data(), query=request.query_string.decode(),
            content_length=request.content_length, headers=dict(request.headers))

    @app.post("/events/probe")
    def event() -> ResponseReturnValue:
        return jsonify(heard=True)

    @app.get("/me/<path:rest>")
    def me(rest: str) -> ResponseReturnValue:
        return jsonify(user_id=str(principal().user_id), rest=rest)

    @app.get("/hold")
    def hold() -> ResponseReturnValue:
        file, deadline = Path(request.args["until"]), time.monotonic() + 30
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        return jsonify(held=True)

    @app.get("/large")
    def large() -> ResponseReturnValue:
        return Response(bytes(1 << 20) for _ in range(20))

    @app.get("/slow/<int:milliseconds>")
    def slow(milliseconds: int) -> ResponseReturnValue:
        time.sleep(milliseconds / 1000)
        return jsonify(slept=milliseconds)

    return app


def _describe(data: bytes, **more: object) -> ResponseReturnValue:
    return jsonify(size=len(data), sha256=hashlib.sha256(data).hexdigest(), **more)


app = create_probe()
