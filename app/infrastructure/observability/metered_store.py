"""Counts and times what an event store does, and does nothing else."""

import time
from collections.abc import Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import (
    NO_CLAIMS,
    AlreadyClaimed,
    Appended,
    Claims,
    EventData,
    EventStore,
    ExpectedVersion,
    RecordedEvent,
    VersionConflict,
)
from app.application.ports.telemetry import Telemetry
from app.infrastructure.wrapped_store import WrappedEventStore


class MeteredEventStore(WrappedEventStore):
    """Counts how appends end; times appends, reads and look-ups."""

    def __init__(self, store: EventStore, telemetry: Telemetry) -> None:
        super().__init__(store)
        self._telemetry = telemetry

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
        started = time.monotonic()
        outcome = "unavailable"
        try:
            appended = super().append(stream, expected, events, commit_id, deadline, claims)
            outcome = "already_applied" if appended.already_applied else "written"
        except (VersionConflict, AlreadyClaimed):
            outcome = "conflict"
            raise
        except OutcomeUnknown:
            outcome = "unknown"
            raise
        finally:
            self._telemetry.appended(outcome)
            self._telemetry.store_took("append", time.monotonic() - started)
        return appended

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        started = time.monotonic()
        try:
            return super().read(stream, deadline, after, through_version)
        finally:
            self._telemetry.store_took("read", time.monotonic() - started)

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `ports.event_store.EventStore`. It counts as one read."""
        started = time.monotonic()
        try:
            return super().read_together(streams, deadline)
        finally:
            self._telemetry.store_took("read", time.monotonic() - started)

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.event_store.EventStore`."""
        started = time.monotonic()
        try:
            return super().locate(stream, event_id, deadline)
        finally:
            self._telemetry.store_took("locate", time.monotonic() - started)
