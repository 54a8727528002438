"""Traces of requests and of work in the background, for an OpenTelemetry collector where one is
named.

Where none is, nothing is imported, and a span is one comparison.
"""
from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

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
    """A part of the work that is traced, as long as the context lasts; of other work, nothing."""
    return _tracer.start_as_current_span(name) if trace_id() else _NO_SPAN


def trace_id() -> str:
    """The trace that the current work belongs to, in hexadecimal; "" for none."""
    if _tracer is None:
        return ""
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else ""


def is_on() -> bool:
    """Whether there is a collector."""
    return _tracer is not None


def server_span(
    name: str, headers: Headers, attributes: Mapping[str, str],
) -> AbstractContextManager[Any]:
    """A request that came with these headers, as long as the context lasts."""
    from opentelemetry.context import Context
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    started: AbstractContextManager[Any] = _tracer.start_as_current_span(
        name, extract(headers, Context()), SpanKind.SERVER, attributes)
    return started


def task_span(name: str, attributes: Mapping[str, str]) -> AbstractContextManager[Any]:
    """Work that no request waits for, as a trace of its own, as long as the context lasts."""
    if _tracer is None:
        return _NO_SPAN
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind

    started: AbstractContextManager[Any] = _tracer.start_as_current_span(
        name, Context(), SpanKind.CONSUMER, attributes)
    return started


def note_status(status: int) -> None:
    """How the request that is being answered ended; 500 and above is an error of ours."""
    from opentelemetry.trace import Status, StatusCode, get_current_span

    span_of_request = get_current_span()
    span_of_request.set_attribute("http.response.status_code", status)
    if status >= 500:
        span_of_request.set_status(Status(StatusCode.ERROR))
