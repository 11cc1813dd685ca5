"""Makes the tracer that the settings ask for. The one place that imports it, and OpenTelemetry with
it: a process that is not traced loads none of that."""

from importlib.util import find_spec

from app.application.ports.tracing import NO_TRACING, Tracer
from config.settings import Settings

_PACKAGE = "opentelemetry.exporter.otlp.proto.http"
WITHOUT_PACKAGES = (
    "the OTEL_* variables ask for traces, but OpenTelemetry is not installed, so there are none:"
    " install distributing-carriers[traces], or set OTEL_SDK_DISABLED=true."
)


def build_tracer(settings: Settings) -> Tracer:
    """A tracer; one that does nothing unless the settings ask for traces and OpenTelemetry is
    installed. Call it after a fork, never before."""
    if not settings.traces or not is_installed():
        return NO_TRACING
    from app.infrastructure.observability.tracing import OpenTelemetryTracer

    return OpenTelemetryTracer()


def is_installed() -> bool:
    """Whether OpenTelemetry's packages are there; imports none but their outermost."""
    try:
        return find_spec(_PACKAGE) is not None
    except ModuleNotFoundError:
        return False
