"""Events as texts that a store can keep."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.application.command_context import CommandContext
from app.application.ports.event_store import EventData, RecordedEvent
from app.domain.aggregate import Event


class Codec(Protocol):
    """Turns events into what stores keep, and back."""

    def encode(
        self, event: Event[Any], index: int, context: CommandContext, created_at: datetime
    ) -> EventData:
        """The event at `index` of the context's commit, as a store keeps it."""
        ...

    def decode(self, recorded: RecordedEvent) -> Any:  # noqa: ANN401 - of its aggregate's events
        """The event, of the class that its type names; raises `UnreadableEvent` with its
        stream and version."""
        ...

    def origin(self, recorded: RecordedEvent) -> "Origin":
        """Where the event came from; raises `UnreadableEvent`."""
        ...


class UnreadableEvent(Exception):
    """A stored event of an unknown type, or one whose payload cannot be understood."""

    def __init__(self, recorded: RecordedEvent, why: str) -> None:
        super().__init__(
            f"event {recorded.version} of stream {recorded.stream}"
            f" ({recorded.data.event_type}) cannot be read: {why}"
        )
        self.stream = recorded.stream
        self.version = recorded.version


@dataclass(frozen=True, slots=True)
class Origin:
    """What an event's metadata says; rows of the original registry say nothing.

    `fingerprint` is of the request that was sent with an idempotency key: the one that the commit
    is of, or the one that caused it.
    """

    commit_id: UUID | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    actor: str | None = None
    fingerprint: str | None = None
