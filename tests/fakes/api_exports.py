"""What is taken out of the service in memory, and what is counted there."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import abort

ROWS = (
    {"prediction_id": "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11", "predicted_class": "espresso"},
    {"prediction_id": "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c12", "predicted_class": "Käse"})
MEDIA_TYPES = {
    "csv": "text/csv", "ndjson": "application/x-ndjson", "imagefolder": "application/zip",
    "tfrecord": "application/octet-stream"}
STATS = {
    "from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z", "total": 3, "classes": 2,
    "by_day": [{"day": "2026-01-02", "predictions": 3}],
    "by_class": [{"predicted_class": "espresso", "predictions": 2},
                 {"predicted_class": "cup", "predictions": 1}],
    "confidence": {"mean": 0.75, "histogram": [{"from": 0.0, "to": 1.0, "count": 3}]},
    "latency_ms": {"p50": 12, "p95": 20, "p99": 20,
                   "histogram": [{"from": 0, "to": None, "count": 3}]}}
DRIFT = {
    "window": {"from": "2026-01-08T00:00:00Z", "to": "2026-01-15T00:00:00Z"},
    "baseline": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-08T00:00:00Z"},
    "models": [{
        "model_version": "v1", "psi": {"class_mix": 0.02, "brightness": None},
        "answers": {"class_mix": {"window": 300, "baseline": 900},
                    "brightness": {"window": 0, "baseline": 900}}}]}


@dataclass
class FakeExports:
    """`asked` are the query strings that came in; after `cut` bytes an export breaks off."""

    cut: int | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def write(self, formats: tuple[str, ...]) -> Response:
        self.asked.append(request.args.to_dict())
        chosen = request.args.get("format", "csv")
        if chosen not in formats:
            abort(422, f"format must be {' or '.join(formats)}.")
        content = _content(chosen)
        headers = {"Content-Length": str(len(content)), "Content-Type": MEDIA_TYPES[chosen]}
        return Response(self._pieces(content), 200, headers)

    def _pieces(self, content: bytes) -> Iterator[bytes]:
        for place in range(0, len(content), 16):
            if self.cut is not None and place >= self.cut:
                return
            yield content[place:place + 16]


def _content(format: str) -> bytes:
    if format == "csv":
        return "\r\n".join([",".join(ROWS[0]), *[",".join(row.values()) for row in ROWS], ""]
                           ).encode()
    if format == "ndjson":
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in ROWS)
    return bytes(range(256)) * 4


def export_routes(exports: FakeExports) -> Blueprint:
    """Exports, stats and drift."""
    routes = Blueprint("exports", __name__, url_prefix="/api/v1")

    @routes.get("/predictions/export")
    def predictions() -> Response:
        return exports.write(("csv", "ndjson"))

    @routes.get("/datasets/export")
    def dataset() -> Response:
        return exports.write(tuple(MEDIA_TYPES))

    @routes.get("/predictions/stats")
    def stats() -> dict[str, Any]:
        exports.asked.append(request.args.to_dict())
        return STATS

    @routes.get("/drift")
    def drift() -> dict[str, Any]:
        exports.asked.append(request.args.to_dict())
        return DRIFT

    return routes
