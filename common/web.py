"""The Flask application every function starts from."""
from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from prometheus_client import CollectorRegistry

from common.addresses import install_client_address
from common.audit import Origin
from common.auth import Authenticator, MachineToken, Principal
from common.body import install_body_limit
from common.deadlines import Deadline
from common.errors import Unauthenticated, Unavailable
from common.metrics import install_metrics
from common.problems import install_error_map
from common.rate_limits import RateLimits, install_rate_limit_headers
from common.request_traces import install_request_traces
from common.serving import DEADLINE, PUBLIC_PATHS, REFUSAL
from common.setting_values import Network

MACHINE_PATHS = "/events/"
NOBODY = MachineToken("")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

ReadinessCheck = Callable[[], None]

log = logging.getLogger(__name__)


class IsoJsonProvider(DefaultJSONProvider):
    """JSON with fields in the order written and times in ISO 8601, UTC."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        """What json cannot write by itself."""
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return DefaultJSONProvider.default(value)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON. Raises ValueError, also for what is nested too deeply to be read."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def create_web_app(
    name: str,
    authenticator: Authenticator,
    checks: Mapping[str, ReadinessCheck],
    body_limit: int,
    registry: CollectorRegistry,
    machine_token: MachineToken = NOBODY,
    open_paths: frozenset[str] = frozenset(),
    limits: RateLimits | None = None,
    trusted_proxies: Sequence[Network] = (),
    body_limits: Mapping[str, int] | None = None,
) -> Flask:
    """A Flask application that authenticates every path but PUBLIC_PATHS and `open_paths`.

    Paths below MACHINE_PATHS take `machine_token`, all others a user's token, and routes find
    that user with `principal()`. `checks` raise Unavailable while what they are named after is
    not ready. Bodies are limited to `body_limit` bytes, or to what `body_limits` says of their
    route, users and the refused to `limits`.
    `trusted_proxies` are believed where a request comes from.
    """
    app = Flask(name, static_folder=None)
    app.json = IsoJsonProvider(app)
    app.url_map.merge_slashes = False
    install_client_address(app, trusted_proxies)
    _install_request_id(app)
    install_request_traces(app)
    install_metrics(app, registry)
    install_error_map(app)
    install_rate_limit_headers(app)

    @app.before_request
    def turn_away() -> None:
        if REFUSAL in request.environ:
            raise request.environ[REFUSAL]

    @app.before_request
    def authenticate() -> None:
        if request.url_rule is None or request.url_rule.rule in PUBLIC_PATHS | open_paths:
            return
        try:
            if request.url_rule.rule.startswith(MACHINE_PATHS):
                _verify_machine(machine_token)
                return
            g.principal = authenticator.authenticate(
                request.headers.get("Authorization"), request.headers.get("X-On-Behalf-Of"))
        except Unauthenticated:
            if limits:
                limits.count_refusal()
            raise
        if limits:
            limits.count(g.principal)

    install_body_limit(app, body_limit, body_limits or {})
    _install_health(app, checks)
    return app


def _verify_machine(token: MachineToken) -> None:
    if request.method != "HEAD":  # with which a sender finds out whether anybody listens
        token.verify(request.headers.get("Authorization"))


def failing(checks: Mapping[str, ReadinessCheck]) -> list[str]:
    """What is not ready at the moment, and why; the log learns what a driver said of it."""
    missing = []
    for part, check in checks.items():
        try:
            check()
        except Unavailable as error:
            log.warning("not ready: %s: %s", part, str(error.__cause__ or error).strip())
            missing.append(f"{part}: {error}")
    return missing


def principal() -> Principal:
    """Who sent the current request."""
    return cast(Principal, g.principal)


def require_admin() -> None:
    """For `before_request` of routes that are for administrators only. Raises Forbidden."""
    principal().require_admin()


def origin() -> Origin:
    """Who sent the current request, and from where, for the audit log."""
    caller = principal()
    return Origin(caller.user_id, g.request_id, request.remote_addr, caller.service)


def _who(caller: Principal | None) -> dict[str, str | None]:
    """Who asked, and which service asked on their behalf."""
    service = caller.service if caller else None
    return {
        "user_id": str(caller.user_id) if caller else None,
        **({"service_id": str(service)} if service else {}),
    }


def deadline() -> Deadline | None:
    """Until when the answer to the current request is worth working for."""
    return cast("Deadline | None", request.environ.get(DEADLINE))


def _install_request_id(app: Flask) -> None:
    @app.before_request
    def identify() -> None:
        sent = request.headers.get("X-Request-Id") or request.headers.get("X-Call-Id") or ""
        g.request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex

    @app.after_request
    def name_request(answer: Response) -> Response:
        answer.headers["X-Request-Id"] = g.request_id
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if request.path not in PUBLIC_PATHS:
            log.info("request", extra={
                "method": request.method,
                "path": request.path,
                "status": answer.status_code,
                "duration_ms": round((time.perf_counter() - g.started) * 1000, 1),
                **_who(g.get("principal")),
            })
        return answer


def _install_health(app: Flask, checks: Mapping[str, ReadinessCheck]) -> None:
    @app.get("/health")
    @app.get("/_/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/_/ready")
    def ready() -> dict[str, str]:
        if missing := failing(checks):
            raise Unavailable(" ".join(missing))
        return {"status": "ready"}
