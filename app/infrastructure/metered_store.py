"""Counts and times what an event store does. Wraps any `ports.EventStore`."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports import (
    NO_CLAIMS,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventData,
    EventStore,
    ExpectedVersion,
    Note,
    OutcomeUnknown,
    RecordedEvent,
    Telemetry,
    VersionConflict,
)

_WRITTEN = ("written", "unknown")


class MeteredEventStore:
    """Implements `ports.EventStore`; changes nothing about the store that it wraps.

    Calls `on_append` after each append that wrote something, or may have.
    """

    def __init__(
        self,
        store: EventStore,
        telemetry: Telemetry,
        on_append: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._on_append = on_append

    def append(
        self,
        stream: str,
        expected: ExpectedVersion,
        events: Sequence[EventData],
        commit_id: UUID,
        deadline: Deadline,
        claims: Claims = NO_CLAIMS,
    ) -> Appended:
        """See `ports.EventStore`."""
        started = time.monotonic()
        outcome = "unavailable"
        try:
            appended = self._store.append(stream, expected, events, commit_id, deadline, claims)
            outcome = "recognised" if appended.recognised else "written"
        except (VersionConflict, AlreadyClaimed):
            outcome = "conflict"
            raise
        except OutcomeUnknown:
            outcome = "unknown"
            raise
        finally:
            self._telemetry.appended(outcome)
            self._telemetry.store_took("append", time.monotonic() - started)
            if outcome in _WRITTEN:
                self._on_append()
        return appended

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, upto: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.EventStore`."""
        started = time.monotonic()
        try:
            return self._store.read(stream, deadline, after, upto)
        finally:
            self._telemetry.store_took("read", time.monotonic() - started)

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.EventStore`."""
        started = time.monotonic()
        try:
            return self._store.locate(stream, event_id, deadline)
        finally:
            self._telemetry.store_took("locate", time.monotonic() - started)

    def note(self, stream: str, commit_id: UUID, note: Note, deadline: Deadline) -> None:
        """See `ports.EventStore`."""
        self._store.note(stream, commit_id, note, deadline)

    def noted(self, stream: str, commit_id: UUID, deadline: Deadline) -> Note | None:
        """See `ports.EventStore`."""
        return self._store.noted(stream, commit_id, deadline)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.EventStore`."""
        return self._store.owner(claim, deadline)

    def ping(self, deadline: Deadline) -> None:
        """See `ports.EventStore`."""
        self._store.ping(deadline)

    def close(self) -> None:
        """See `ports.EventStore`."""
        self._store.close()
