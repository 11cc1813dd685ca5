"""Loads carriers from their streams and appends what they recorded, under a version check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.application.commands import CommandContext
from app.application.deadline import Deadline
from app.application.ports import (
    NO_STREAM,
    Appended,
    Clock,
    EventData,
    EventStore,
    RecordedEvent,
)
from app.domain.carrier import Carrier, CarrierState
from app.domain.events import CarrierEvent


class CarrierNotFound(Exception):
    """No carrier has this id."""


class Codec(Protocol):
    """Turns events into what stores keep, and back."""

    def encode(
        self, event: CarrierEvent, index: int, context: CommandContext, created_at: datetime
    ) -> EventData:
        """The event at `index` of the context's commit, as a store keeps it."""
        ...

    def decode(self, recorded: RecordedEvent) -> CarrierEvent:
        """The event; raises `UnreadableEvent` with its stream and version."""
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
class CarrierView:
    """A carrier as its stream tells it now. `registered_at` is UTC."""

    carrier_id: str
    version: int
    state: CarrierState
    registered_at: datetime


class CarrierRepository:
    """The carriers, over any event store. One stream a carrier, named by the carrier's id."""

    def __init__(self, store: EventStore, codec: Codec, clock: Clock) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock

    def save(self, carrier: Carrier, context: CommandContext) -> Appended:
        """Append what the carrier recorded. Raises what `EventStore.append` raises."""
        now = self._clock()
        events = [
            self._codec.encode(event, index, context, now)
            for index, event in enumerate(carrier.recorded)
        ]
        expected = carrier.version or NO_STREAM
        return self._store.append(carrier.id, expected, events, context.commit_id, context.deadline)

    def show(self, carrier_id: str, deadline: Deadline) -> CarrierView:
        """Read the stream. Raises CarrierNotFound, UnreadableEvent, StoreUnavailable."""
        recorded = self._store.read(carrier_id, deadline)
        carrier = self._replay(carrier_id, recorded)
        if carrier.state is None:
            raise CarrierNotFound(carrier_id)
        return CarrierView(carrier_id, carrier.version, carrier.state, recorded[0].data.created_at)

    def _replay(self, carrier_id: str, recorded: Sequence[RecordedEvent]) -> Carrier:
        return Carrier.replay(carrier_id, map(self._codec.decode, recorded))
