"""Traces of requests, for an OpenTelemetry collector where one is named.

Where none is, nothing is imported, and a span is one comparison. Jobs, which use the object store
as well, do without Flask.
"""
from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask, Response

_NO_SPAN: AbstractContextManager[Any] = nullcontext()
_tracer: Any = None


def configure(function: str, endpoint: str) -> None:
    """Send the spans of this process to `endpoint`, the base URL of OTLP over HTTP; without one
    there are no traces. What else OTEL_... variables say is read by OpenTelemetry itself."""
    global _tracer
    if not endpoint:
        _tracer = None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(
        resource=Resource.create({"service.name": function, "service.namespace": "imgclass"}))
    provider.add_span_processor(BatchSpanProcessor(
        OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    _tracer = provider.get_tracer("imgclass")


def span(name: str) -> AbstractContextManager[Any]:
    """A part of the request being answered, as long as the context lasts; what is done in the
    background is not traced."""
    return _tracer.start_as_current_span(name) if trace_id() else _NO_SPAN


def trace_id() -> str:
    """The trace that the current work belongs to, in hexadecimal; "" for none."""
    if _tracer is None:
        return ""
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else ""


def install_tracing(app: Flask) -> None:
    """Give every request a span, below that of its `traceparent` if it has one. Attributes are
    named by OpenTelemetry's semantic conventions for HTTP."""
    if _tracer is None:
        return
    from flask import g, request
    from opentelemetry.context import Context
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span

    @app.before_request
    def begin() -> None:
        route = request.url_rule.rule if request.url_rule else ""
        attributes = {"http.request.method": request.method, "http.route": route,
                      "url.path": request.path, "imgclass.request_id": g.request_id}
        g.span = ExitStack()
        g.span.enter_context(_tracer.start_as_current_span(
            f"{request.method} {route}".strip(), extract(request.headers, Context()),
            SpanKind.SERVER, attributes))

    @app.after_request
    def answered(answer: Response) -> Response:
        if "span" in g:
            current = get_current_span()
            current.set_attribute("http.response.status_code", answer.status_code)
            if answer.status_code >= 500:
                current.set_status(Status(StatusCode.ERROR))
        return answer

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "span" in g:
            g.pop("span").close()
