"""Traces: a collector that is named gets to see where the time of a request went."""
from __future__ import annotations

import gzip
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from common.s3_client import s3_client
from tests import pictures, tokens
from tests.databases import query
from tests.function_process import FunctionProcess
from tests.integration.predict.conftest import FOLDER, USER, Running
from tests.receivers import ReceivingServer
from tests.waiting import wait_until

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


@contextmanager
def traced(
    ready: Running, server: Collector, folder: Path, **more: str
) -> Iterator[FunctionProcess]:
    """Another process of the function, which tells the collector, and logs to a folder."""
    environ = {name: value for name, value in ready.process.environ.items() if name != "PORT"}
    environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "LOG_DIR": str(folder), **more}
    with FunctionProcess("handler:app", FOLDER, environ) as process:
        process.wait_for("/_/ready")
        yield process


def test_spans_of_a_request(ready: Running, tmp_path: Path) -> None:
    """The parts of a request stand below it, it stands below its caller, and its log names the
    trace; what is sent is complete once the process has ended."""
    with collector() as server, traced(ready, server, tmp_path) as process:
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


def test_spans_in_the_background(ready: Running, tmp_path: Path) -> None:
    """An upload that is worked on and a delivery are traces of their own, by their events' ids,
    with the parts below them."""
    bucket = f"images-{uuid.uuid4()}"  # another process leaves its events alone
    client = s3_client(ready.settings, connections=1)
    client.create_bucket(Bucket=bucket)
    client.put_object(
        Bucket=bucket, Key=f"uploads/{USER}/cup.png", Body=pictures.png(60, 40))
    query(ready.settings, "INSERT INTO users VALUES (%s, 'ada@example.org')", USER)
    with (collector() as server, ReceivingServer() as sink,
          traced(ready, server, tmp_path, MINIO_BUCKET_NAME=bucket, K_SINK=sink.url,
                 SWEEP_SECONDS="1")):
        wait_until(lambda: bool(query(
            ready.settings, "SELECT event_id FROM storage_events WHERE state = 'done'")))
        wait_until(lambda: bool(sink.received) and not query(
            ready.settings, "SELECT event_id FROM outbox"))
    (event,) = query(ready.settings, "SELECT event_id FROM storage_events")
    upload, delivery = (
        next(span for span in server.spans() if span.name == name)
        for name in ("upload", "delivery"))
    assert _event_id(upload) == str(event["event_id"])
    assert _event_id(delivery) == json.loads(sink.received[0].body)["id"]
    for whole in (upload, delivery):
        assert (whole.kind, whole.parent_span_id) == (Span.SPAN_KIND_CONSUMER, b"")
    parts = {span.name for span in server.spans() if span.trace_id == upload.trace_id}
    assert {"preprocess", "inference", "store", "record", "S3", "PostgreSQL"} <= parts
    for found in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)


def _event_id(span: Span) -> str:
    (found,) = [each.value.string_value for each in span.attributes
                if each.key == "imgclass.event_id"]
    return found
