"""Traces in OpenTelemetry's way, sent to a collector by OTLP over HTTP. The one place that imports
OpenTelemetry: `app/bootstrap/tracing.py` imports this where traces are asked for.

    request ─► command ─► append, read ─► a request to Cassandra
                             ┊
                  the event's metadata ─► feed commit ─► view

The SDK reads its OTEL_* variables itself: collector, service's name, sampler, limits. Spans leave
in the background, and what a collector does not take is dropped: no request waits for one.
"""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.application.correlation import trace_id
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.tracing import NO_SPAN, NOTHING, Attributes, Span
from app.application.recorded import Metadata
from app.application.strict_json import NotStrictJson
from app.version import version

log = logging.getLogger(__name__)

NAME = "distributing-carriers"
CLOSE_SECONDS = 2.0
"""How long the end of a process waits until its last spans are sent."""
SILENCE_SECONDS = 60.0
"""So often the log says that spans are lost."""

_FAILED = (StoreUnavailable, OutcomeUnknown)
_NOTHING_CURRENT = nullcontext(NO_SPAN)
_W3C = TraceContextTextMapPropagator()


class OpenTelemetryTracer:
    """Implements `ports.tracing.Tracer`. Must be made after a fork, as it has a thread."""

    is_on = True

    def __init__(self) -> None:
        # They would log an error for each try; `_Exporter` says it once a minute.
        for name in ("opentelemetry", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        # Its own hook at the exit would wait for a silent collector for half a minute.
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter(OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer(NAME, version())

    def begun(
        self, name: str, attributes: Attributes = NOTHING, caller: str | None = None
    ) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        if _is_traced():
            return self._current(self._tracer.start_span(name, attributes=attributes))
        # Not `tracestate`: callers could write what they like into our spans.
        parent = _W3C.extract({"traceparent": caller}, Context()) if caller else Context()
        kind = SpanKind.SERVER if "http.route" in attributes else SpanKind.INTERNAL
        span = self._tracer.start_span(name, parent, kind=kind, attributes=attributes)
        return self._current(span)

    def step(self, name: str, attributes: Attributes = NOTHING) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        if not _is_traced():
            return _NOTHING_CURRENT
        return self._current(self._tracer.start_span(name, attributes=attributes))

    def attempt(self, name: str, attributes: Attributes = NOTHING) -> Span:
        """See `Tracer`."""
        if not _is_traced():
            return NO_SPAN
        kind = SpanKind.CLIENT
        return _Recorded(self._tracer.start_span(name, kind=kind, attributes=attributes))

    def following(
        self, name: str, metadata: Iterable[str], attributes: Attributes = NOTHING
    ) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        links = list(map(Link, _origins(metadata)))
        if not links:
            return _NOTHING_CURRENT
        first = trace.NonRecordingSpan(links[0].context)
        parent = trace.set_span_in_context(first, Context())
        span = self._tracer.start_span(
            name, parent, kind=SpanKind.CONSUMER, attributes=attributes, links=links
        )
        return self._current(span)

    def retried(self, cause: str) -> None:
        """See `Tracer`."""
        span = trace.get_current_span()
        if isinstance(span, SdkSpan) and span.is_recording():
            span.add_event("retry", {"cause": cause})
            attempts = (span.attributes or {}).get("attempts", 1)
            span.set_attribute("attempts", int(str(attempts)) + 1)

    def close(self) -> None:
        """See `Tracer`."""
        # In a thread that may be left behind: the SDK's own limit is half a minute.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    @contextmanager
    def _current(self, span: trace.Span) -> Iterator[Span]:
        recorded, before = _Recorded(span), trace_id.get()
        token = attach(trace.set_span_in_context(span))
        trace_id.set(recorded.trace_id)
        try:
            yield recorded
        except Exception as error:
            # Without its message, which may hold what a client has sent.
            span.set_attribute("outcome", type(error).__name__)
            if isinstance(error, _FAILED):
                recorded.fail()
            raise
        finally:
            trace_id.set(before)
            detach(token)
            span.end()


class _Recorded:
    """Implements `ports.tracing.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str | None:
        """Of a trace that is recorded, in hexadecimal."""
        context = self._span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else None

    @property
    def traceparent(self) -> str | None:
        """See `Span`."""
        if self.trace_id is None:
            return None
        return (
            f"00-{self.trace_id}-{trace.format_span_id(self._span.get_span_context().span_id)}-01"
        )

    def note(self, attributes: Attributes) -> None:
        """See `Span`."""
        self._span.set_attributes(attributes)

    def fail(self) -> None:
        """See `Span`."""
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self, attributes: Attributes) -> None:
        """See `Span`."""
        if self._span.is_recording():
            self._span.set_attributes(attributes)
            self._span.end()


class _Exporter(SpanExporter):
    """Sends spans, and says once a minute at most that they are lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._next_line = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + SILENCE_SECONDS
            # Without the address, which may hold a password.
            log.warning("traces are lost: the collector of OTEL_EXPORTER_OTLP_ENDPOINT takes none")
        return result

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def _resource() -> Resource:
    """Who sends the spans; the operator's variables win."""
    own = Resource.create({SERVICE_NAME: NAME, "service.version": version()})
    process = Resource({"process.pid": os.getpid()})
    return own.merge(process).merge(OTELResourceDetector().detect())


def _is_traced() -> bool:
    return trace.get_current_span().get_span_context().is_valid


def _origins(metadata: Iterable[str]) -> Iterator[trace.SpanContext]:
    """Where events come from, those of one commit once."""
    seen: set[str] = set()
    for text in metadata:
        if '"traceparent"' not in text:  # spares the parsing of most
            continue
        try:
            origin = Metadata.of(text).traceparent
        except NotStrictJson:
            continue
        if origin and origin not in seen:
            seen.add(origin)
            found = trace.get_current_span(_W3C.extract({"traceparent": origin}, Context()))
            if found.get_span_context().is_valid:
                yield found.get_span_context()
