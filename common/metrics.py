"""What every function measures of its requests, and how it is exposed to Prometheus."""
from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)


def install_metrics(app: Flask, registry: CollectorRegistry) -> None:
    """Count and time every request by route, and serve `registry` at /metrics."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    labels = ["method", "route", "status"]
    requests = Counter(
        "imgclass_http_requests", "Requests answered.", labels, registry=registry)
    durations = Histogram(
        "imgclass_http_request_duration_seconds", "Time to answer.", labels[:2],
        registry=registry)
    in_progress = Gauge(
        "imgclass_http_requests_in_progress", "Requests being worked on.", registry=registry)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        in_progress.inc()

    @app.after_request
    def count(answer: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.url_rule else "any"
        requests.labels(method, route, str(answer.status_code)).inc()
        durations.labels(method, route).observe(time.perf_counter() - g.started)
        return answer

    @app.teardown_request
    def stop(_error: BaseException | None) -> None:
        in_progress.dec()

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
