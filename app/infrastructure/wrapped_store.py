"""An event store around another one: what a wrapper adds stands in the methods it overrides."""

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


class WrappedEventStore:
    """Implements `ports.event_store.EventStore` by the store that it wraps, and changes nothing
    about it."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

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
        return self._store.append(stream, expected, events, commit_id, deadline, claims)

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        return self._store.read(stream, deadline, after, through_version)

    def read_together(
        self, streams: Sequence[str], deadline: Deadline
    ) -> list[list[RecordedEvent]]:
        """See `ports.event_store.EventStore`."""
        return self._store.read_together(streams, deadline)

    def locate(self, stream: str, event_id: UUID, deadline: Deadline) -> int | None:
        """See `ports.event_store.EventStore`."""
        return self._store.locate(stream, event_id, deadline)

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `ports.event_store.EventStore`."""
        return self._store.versions(streams, deadline)

    def record_noop(self, stream: str, commit_id: UUID, noop: NoOp, deadline: Deadline) -> None:
        """See `ports.event_store.EventStore`."""
        self._store.record_noop(stream, commit_id, noop, deadline)

    def recorded_noop(self, stream: str, commit_id: UUID, deadline: Deadline) -> NoOp | None:
        """See `ports.event_store.EventStore`."""
        return self._store.recorded_noop(stream, commit_id, deadline)

    def owner(self, claim: Claim, deadline: Deadline) -> str | None:
        """See `ports.event_store.EventStore`."""
        return self._store.owner(claim, deadline)

    def ping(self, deadline: Deadline) -> None:
        """See `ports.event_store.EventStore`."""
        self._store.ping(deadline)

    def close(self) -> None:
        """See `ports.event_store.EventStore`."""
        self._store.close()
