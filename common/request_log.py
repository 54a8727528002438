"""An id for every request, and a line in the log for its answer."""
from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from common.auth import Principal
from common.serving import PUBLIC_PATHS

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

log = logging.getLogger(__name__)


def install_request_log(app: Flask) -> None:
    """Name every request by an id, its sender's if that is usable, and log its answer."""

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


def _who(caller: Principal | None) -> dict[str, str | None]:
    """Who asked, and which service asked on their behalf."""
    service = caller.service if caller else None
    return {
        "user_id": str(caller.user_id) if caller else None,
        **({"service_id": str(service)} if service else {}),
    }
