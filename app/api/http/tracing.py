"""The span of a request: from its routing to its answer. Does nothing while nothing is traced."""

from contextlib import ExitStack

from flask import Response, g, request

from app.application.ports.tracing import Tracer

_ASKED_ALL_DAY = ("/health/", "/metrics")
"""The beginnings of routes that are not traced: machines ask them every few seconds."""


def begin(tracer: Tracer) -> None:
    """Begin the span, or continue the trace that the caller names in `traceparent`."""
    if not tracer.is_on:
        return
    route = request.url_rule.rule if request.url_rule else "unmatched"
    if route.startswith(_ASKED_ALL_DAY):
        return
    g.trace = ExitStack()
    about = {"http.route": route}
    caller = request.headers.get("traceparent")
    g.span = g.trace.enter_context(tracer.begun(f"request {route}", about, caller))


def answered(method: str, response: Response) -> None:
    """Tell the span how the request was answered; `method` is none of a client's making."""
    if "span" in g:
        g.span.note(
            {"http.request.method": method, "http.response.status_code": response.status_code}
        )
        if response.status_code >= 500:  # noqa: PLR2004 - HTTP's own
            g.span.fail()


def end() -> None:
    """End the span."""
    if "trace" in g:
        g.pop("trace").close()
