"""Wakes those who wait for new events of this process, so that nobody waits for the next poll.

A notification is a hint and never what correctness rests on: whoever misses one finds the event
at the next poll, as readers in other processes do.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import (
    NO_CLAIMS,
    Appended,
    Claims,
    EventData,
    EventStore,
    ExpectedVersion,
)
from app.infrastructure.wrapped_store import WrappedEventStore


class NotifyingEventStore(WrappedEventStore):
    """Calls each of `wake` after each append that wrote something, or may have."""

    def __init__(self, store: EventStore, *wake: Callable[[], None]) -> None:
        super().__init__(store)
        self._wake = wake

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
        try:
            appended = super().append(stream, expected, events, commit_id, deadline, claims)
        except OutcomeUnknown:
            self._notify()
            raise
        if not appended.already_applied:
            self._notify()
        return appended

    def _notify(self) -> None:
        for wake in self._wake:
            wake()
