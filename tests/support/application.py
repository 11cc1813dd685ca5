"""Beside the way of the data: commands on a real store, as the service dispatches them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.application.bus import CommandBus
from app.application.command_context import CommandContext, commit_id_of
from app.application.deadline import Deadline
from app.application.handlers import CommandDone, Handlers
from app.application.merging import Merging
from app.application.ports.event_store import (
    NO_CLAIMS,
    Appended,
    Claims,
    EventData,
    EventStore,
    ExpectedVersion,
    RecordedEvent,
)
from app.application.repository import CarrierRepository, PolicyRepository
from app.application.second_person import SecondPerson
from app.domain.command import Command
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.rename import RenameCarrier
from app.domain.declarations import POLICY_DECLARATIONS
from app.domain.values import CarrierName, EmailAddress
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.commits import MOMENT, context
from tests.support.stores import CountingTelemetry

FEDEX = RegisterCarrier(CarrierName("FedEx"), EmailAddress("contact@fedex.com"))
FEDEX_TWO = RegisterCarrier(CarrierName("FedEx"), EmailAddress("two@fedex.com"))


class BusyStore(SqliteEventStore):
    """The store itself, with others at work between two of its calls: each entry of `meanwhile`
    is called once before an append, each of `after_reading` after a read, the first first."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.meanwhile: list[Callable[[], object]] = []
        self.after_reading: list[Callable[[], object]] = []

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
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().append(stream, expected, events, commit_id, deadline, claims)

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        recorded = super().read(stream, deadline, after, through_version)
        if self.after_reading:
            self.after_reading.pop(0)()
        return recorded


class Application:
    """Commands, dispatched as the service does, at a moment."""

    def __init__(self, store: EventStore, now: datetime = MOMENT) -> None:
        self.telemetry = CountingTelemetry()
        self.carriers = CarrierRepository(store, JsonCodec(), lambda: now)
        self.policies = PolicyRepository(store, JsonCodec(), lambda: now)
        second_person = SecondPerson(self.carriers, self.policies)
        self.merging = Merging(self.carriers, second_person.prepared, self.telemetry)
        table = self.merging.table()
        table |= Handlers(self.policies, POLICY_DECLARATIONS).table()
        self.bus = CommandBus(table, self.telemetry)

    def do(self, command: Command, sent: CommandContext | None = None) -> CommandDone:
        """Carry the command out."""
        return self.bus.dispatch(command, sent or context())

    def types(self, carrier_id: str) -> list[str]:
        """What has happened to a carrier."""
        return [entry.event_type for entry in self.carriers.history(carrier_id, Deadline.after(5))]


def keyed(key: str, fingerprint: str = "this request", actor: str = "someone") -> CommandContext:
    """The context of a request with an idempotency key."""
    return replace(
        context(20, commit_id_of(actor, key)), actor=actor, fingerprint=fingerprint
    )  # fmt: skip


def seen(*versions: int) -> CommandContext:
    """The context of a request with If-Match."""
    return replace(context(20), expected=frozenset(versions))


def rename(carrier_id: str, name: str) -> RenameCarrier:
    """The command."""
    return RenameCarrier(carrier_id, CarrierName(name))
