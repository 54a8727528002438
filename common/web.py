"""The Flask application every function starts from."""
from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from flask import Flask, g, request
from prometheus_client import CollectorRegistry

from common.addresses import install_client_address
from common.audit import Origin
from common.auth import Authenticator, MachineToken, Principal
from common.body import install_body_limits
from common.deadlines import Deadline
from common.errors import Unauthenticated, Unavailable
from common.iso_json import IsoJsonProvider
from common.metrics import install_metrics
from common.problems import install_error_map
from common.rate_limits import RateLimits, install_rate_limit_headers
from common.request_log import install_request_log
from common.request_traces import install_request_traces
from common.serving import DEADLINE, PUBLIC_PATHS, REFUSAL
from common.setting_values import Network

MACHINE_PATHS = "/events/"
NOBODY = MachineToken("")

ReadinessCheck = Callable[[], None]

log = logging.getLogger(__name__)


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
    route, users and the refused to `limits`. `trusted_proxies` are believed where a request
    comes from.
    """
    app = Flask(name, static_folder=None)
    app.json = IsoJsonProvider(app)
    app.url_map.merge_slashes = False
    install_client_address(app, trusted_proxies)
    install_request_log(app)
    install_request_traces(app)
    install_metrics(app, registry)
    install_error_map(app)
    install_rate_limit_headers(app)
    _install_refusals(app)
    _install_authentication(app, authenticator, machine_token, PUBLIC_PATHS | open_paths, limits)
    install_body_limits(app, body_limit, body_limits or {})
    _install_health(app, checks)
    return app


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


def deadline() -> Deadline | None:
    """Until when the answer to the current request is worth working for."""
    return cast("Deadline | None", request.environ.get(DEADLINE))


def _install_refusals(app: Flask) -> None:
    @app.before_request
    def turn_away() -> None:
        if REFUSAL in request.environ:
            raise request.environ[REFUSAL]


def _install_authentication(
    app: Flask, authenticator: Authenticator, machine_token: MachineToken,
    open_paths: frozenset[str], limits: RateLimits | None,
) -> None:
    @app.before_request
    def authenticate() -> None:
        if request.url_rule is None or request.url_rule.rule in open_paths:
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


def _verify_machine(token: MachineToken) -> None:
    if request.method != "HEAD":  # with which a sender finds out whether anybody listens
        token.verify(request.headers.get("Authorization"))


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
