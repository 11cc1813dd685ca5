"""Beside the way of the data: a store that says how much is read of it, and long streams for it."""

from pathlib import Path
from uuid import uuid4

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, EventStore, RecordedEvent
from app.infrastructure.sqlite.event_store import SqliteEventStore
from tests.support.commits import event


class CountingReads(SqliteEventStore):
    """The store itself; `reads` says how many events each read took from it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads: list[int] = []

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        recorded = super().read(stream, deadline, after, through_version)
        self.reads.append(len(recorded))
        return recorded


def fill(store: EventStore, events: int, stream: str = "c-1", after: int = 0) -> None:
    """A carrier that was registered and then renamed to the number of each version."""
    batch = [
        event("CarrierRenamed", f'{{"name":"{version}"}}') if version > 1 else event()
        for version in range(after + 1, after + events + 1)
    ]
    store.append(stream, after or NO_STREAM, batch, uuid4(), Deadline.after(10))
