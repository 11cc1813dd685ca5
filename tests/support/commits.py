"""Beside the way of the data: contexts and events to append, where a test cares about neither."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.event_store import EventData, RecordedEvent

MOMENT = datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)


def context(seconds: float = 5, commit_id: UUID | None = None) -> CommandContext:
    """The context of one attempt, new unless its commit id is given."""
    return CommandContext(commit_id or uuid4(), "a-request", "someone", Deadline.after(seconds))


def event(
    event_type: str = "CarrierRegistered",
    payload: str = '{"name":"FedEx","email":"contact@fedex.com"}',
    metadata: str = '{"schema_version":1}',
) -> EventData:
    """An event with an id of its own."""
    return EventData(uuid4(), event_type, payload, metadata, MOMENT)


def recorded(data: EventData, stream: str = "a-stream", version: int = 7) -> RecordedEvent:
    """The event as a store gives it back."""
    return RecordedEvent(stream, version, data)
