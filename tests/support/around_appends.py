"""A store of which a test does something around each append."""

from collections.abc import Sequence
from uuid import UUID

from app.application.deadline import Deadline
from app.application.ports.event_store import (
    NO_CLAIMS,
    Appended,
    Claims,
    EventData,
    ExpectedVersion,
)
from app.infrastructure.wrapped_store import WrappedEventStore


class AroundAppends(WrappedEventStore):
    """What is done stands in the methods that a test overrides."""

    def before(self) -> None:
        """Nothing of the append is done yet."""

    def after(self) -> None:
        """It is done, and nobody has heard so."""

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
        self.before()
        appended = super().append(stream, expected, events, commit_id, deadline, claims)
        self.after()
        return appended
