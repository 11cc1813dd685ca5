"""Gives what an event store does its spans, and does nothing else: used only while there are
traces. Requests to Cassandra have spans of their own, below these."""

from collections.abc import Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.event_store import (
    NO_CLAIMS,
    Appended,
    Claim,
    Claims,
    EventData,
    EventStore,
    ExpectedVersion,
    NoOp,
    RecordedEvent,
)
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import Tracer
from app.infrastructure.wrapped_store import WrappedEventStore


class TracedEventStore(WrappedEventStore):
    """A span for each append and read. Neither streams nor values are named in it: they are what
    clients have sent."""

    def __init__(self, store: EventStore, tracer: Tracer) -> None:
        super().__init__(store)
        self._tracer = tracer

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.event_store.EventStore`."""
        about = {"attempts": 1, "events": len(events)}
        with self._tracer.step("store append", about) as span:
            appended = super().append(stream, expected, events, commit_id, deadline, claims)
            outcome = "already_applied" if appended.already_applied else "written"
            span.note({"outcome": outcome, "version": appended.version})
            return appended

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store read", {"attempts": 1}) as span:
            found = super().read(stream, deadline, after, through_version)
            span.note({"outcome": "read", "events": len(found)})
            return found

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store read", {"attempts": 1}) as span:
            found = super().read_together(streams, deadline)
            span.note({"outcome": "read", "events": sum(map(len, found))})
            return found

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store locate", {"attempts": 1}):
            return super().locate(stream, event_id, deadline)

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store versions", {"attempts": 1}):
            return super().versions(streams, deadline)

    def record_noop(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store record_noop", {"attempts": 1}):
            super().record_noop(stream, commit_id, noop, deadline)

    def recorded_noop(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store recorded_noop", {"attempts": 1}):
            return super().recorded_noop(stream, commit_id, deadline)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.event_store.EventStore`."""
        with self._tracer.step("store owner", {"attempts": 1}):
            return super().owner(claim, deadline)


class TracedTelemetry:
    """Implements `Telemetry` by another one, and tells the current span of each retry."""

    def __init__(self, telemetry: Telemetry, tracer: Tracer) -> None:
        self._telemetry = telemetry
        self._tracer = tracer

    def appended(self, outcome: str) -> None:
        """See `Telemetry`."""
        self._telemetry.appended(outcome)

    def retried(self, cause: str) -> None:
        """See `Telemetry`."""
        self._telemetry.retried(cause)
        self._tracer.retried(cause)

    def hedged(self, cause: str) -> None:
        """See `Telemetry`."""
        self._telemetry.hedged(cause)

    def store_took(self, operation: str, seconds: float) -> None:
        """See `Telemetry`."""
        self._telemetry.store_took(operation, seconds)
