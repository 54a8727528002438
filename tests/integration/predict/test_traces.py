"""Traces: a collector that is named gets to see where the time of a request went."""
from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests import pictures, tokens
from tests.function_process import FunctionProcess
from tests.integration.predict.conftest import FOLDER, Running

TRACE, CALLER = "5" * 32, "7" * 16


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Intake)
        self.received: list[tuple[str, ExportTraceServiceRequest]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Span]:
        """What came of predict."""
        return [span for path, export in self.received for resource in export.resource_spans
                for scope in resource.scope_spans for span in scope.spans
                if path == "/v1/traces" and "predict" in str(resource.resource)]


class _Intake(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, Collector)
        self.server.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_spans_of_a_request(ready: Running, tmp_path: Path) -> None:
    """The parts of a request stand below it, it stands below its caller, and its log names the
    trace; what is sent is complete once the process has ended."""
    with collector() as server:
        environ = {name: value for name, value in ready.process.environ.items() if name != "PORT"}
        environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "LOG_DIR": str(tmp_path)}
        with FunctionProcess("handler:app", FOLDER, environ) as process:
            process.wait_for("/_/ready")
            answer = replace(ready, process=process).post(
                pictures.jpeg(60, 40), traceparent=f"00-{TRACE}-{CALLER}-01")
            assert answer.status == 200
            assert process.get("/nowhere", tokens.bearer("user")).status == 404
    spans = {span.name: span for span in server.spans() if span.trace_id.hex() == TRACE}
    request = spans["POST /api/v1/predict"]
    assert request.parent_span_id.hex() == CALLER
    assert request.kind == Span.SPAN_KIND_SERVER
    attributes = {each.key: each.value for each in request.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert (attributes["imgclass.request_id"].string_value
            == answer.headers["X-Request-Id"])
    assert {"preprocess", "inference", "store", "record", "S3", "PostgreSQL"} <= set(spans)
    for part, whole in (("preprocess", request), ("inference", request), ("store", request),
                        ("record", request), ("S3", spans["store"])):
        assert spans[part].parent_span_id == whole.span_id
        assert (request.start_time_unix_nano <= spans[part].start_time_unix_nano
                <= spans[part].end_time_unix_nano <= request.end_time_unix_nano)
    assert "GET" in {span.name for span in server.spans()}  # of no route, and of no caller
    lines = [json.loads(line) for line in (tmp_path / "predict.jsonl").read_text().splitlines()]
    assert TRACE in {line.get("trace_id") for line in lines if line["message"] == "request"}
