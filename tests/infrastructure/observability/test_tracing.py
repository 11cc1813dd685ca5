"""What the tracer makes of work that is done again, of events, and of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from app.application.command_context import CommandContext
from app.application.correlation import trace_id
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import NO_STREAM, VersionConflict
from app.application.traced_bus import TracedCommandBus
from app.infrastructure.observability.telemetry import PrometheusTelemetry
from app.infrastructure.observability.traced_store import TracedTelemetry
from app.infrastructure.observability.tracing import OpenTelemetryTracer
from tests.support.collector import Collector

FIRST = f"00-{'a' * 32}-{'b' * 16}-01"
SECOND = f"00-{'c' * 32}-{'d' * 16}-01"
UNSEEN = f"00-{'e' * 32}-{'f' * 16}-00"
"""Of a caller that does not record its trace."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Where the tracers of a test send to."""
    with Collector() as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        yield running


def test_a_command_that_is_decided_again_says_so(collector: Collector) -> None:
    """`attempts` counts the decisions, and the events get the trace of the command."""
    seen: list[str | None] = []

    def contended(_: object, context: CommandContext) -> str:
        seen.append(context.traceparent)
        if len(seen) < 3:
            raise VersionConflict("a-stream", NO_STREAM, 1)
        return "done"

    with closing(OpenTelemetryTracer()) as tracer:
        telemetry = TracedTelemetry(PrometheusTelemetry(), tracer)
        bus = TracedCommandBus({str: contended}, telemetry, tracer)
        context = CommandContext(uuid4(), "a-request", "somebody", Deadline.after(5))
        assert bus.dispatch("a command", context) == "done"
    (span,) = collector.spans
    assert (span.name, span.attributes["attempts"]) == ("command str", 3)
    assert set(seen) == {f"00-{span.trace}-{span.span}-01"}


def test_what_becomes_of_events_is_in_the_first_trace_and_links_to_all(
    collector: Collector,
) -> None:
    """Those without a trace, or with metadata that cannot be read, are passed over."""
    texts = ["{}", '{"traceparent":', f'{{"traceparent":"{FIRST}"}}']
    texts += [f'{{"traceparent":"{SECOND}"}}', texts[-1]]
    with closing(OpenTelemetryTracer()) as tracer:
        with tracer.following("view", texts):
            pass
        with tracer.following("view", texts[:2]):
            assert trace_id.get() is None
    (span,) = collector.spans
    assert (span.trace, span.parent) == ("a" * 32, "b" * 16)
    assert span.links == ["a" * 32, "c" * 32]


def test_an_error_is_told_by_its_name(collector: Collector) -> None:
    """Its text may hold what a client has sent. A store that is away is a failure."""
    with closing(OpenTelemetryTracer()) as tracer:
        with pytest.raises(StoreUnavailable), tracer.begun("away"):
            raise StoreUnavailable("a secret")
        with pytest.raises(ValueError, match="secret"), tracer.begun("refused"):
            raise ValueError("a secret")
    told = {each.name: (each.attributes["outcome"], each.failed) for each in collector.spans}
    assert told == {"away": ("StoreUnavailable", True), "refused": ("ValueError", False)}
    assert b"secret" not in b"".join(collector.raw)


def test_a_caller_that_records_nothing_is_followed(collector: Collector) -> None:
    """No span is sent, and neither lines nor events name a trace that nobody can look up."""
    with (
        closing(OpenTelemetryTracer()) as tracer,
        tracer.begun("request", caller=UNSEEN) as span,
        tracer.step("store read"),
    ):
        assert (span.traceparent, trace_id.get()) == (None, None)
    assert not collector.spans


def test_outside_a_trace_a_step_is_none(collector: Collector) -> None:
    """Or each poll for new events would be a trace."""
    with closing(OpenTelemetryTracer()) as tracer, tracer.step("store read"):
        tracer.attempt("request to Cassandra").end({})
        tracer.retried("a-cause")
    assert not collector.spans
