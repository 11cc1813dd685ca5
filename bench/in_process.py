"""The inner half of the way of the data, without HTTP: repository and store beside a peer's."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.repository import CarrierRepository
from app.domain.carrier import Carrier
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from bench.load import new_carrier
from bench.with_eventsourcing import open_carriers

EVENTS = 1200
"""Appended in one measurement, by all its threads together."""

STREAMS = 240
"""What load + append goes round, so each is loaded with one to five events a measurement."""


class OurSide:
    """Our repository on our SQLite store."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteEventStore(folder / "ours.sqlite3")
        self._codec = JsonCodec()
        self._carriers = CarrierRepository(self.store, self._codec, system_clock)

    def append(self) -> str:
        """Register a carrier; returns its id."""
        context = _context()
        carrier = Carrier(context.new_carrier_id)
        carrier.record(CarrierRegistered(*new_carrier()))
        self._carriers.save(carrier, context)
        return carrier.id

    def load_and_append(self, carrier_id: str) -> None:
        """Load a carrier from its stream and append one event."""
        context = _context()
        carrier = self._carriers.load(carrier_id, context.deadline)
        carrier.record(CarrierRenamed(new_carrier()[0]))
        self._carriers.save(carrier, context)

    def with_events(self, count: int) -> str:
        """A carrier that has so many events already; returns its id."""
        carrier_id, context = self.append(), _context()
        more = [CarrierRenamed(new_carrier()[0]) for _ in range(count - 1)]
        now = system_clock()
        events = [self._codec.encode(event, i, context, now) for i, event in enumerate(more)]
        self.store.append(carrier_id, 1, events, context.commit_id, context.deadline)
        return carrier_id

    def close(self) -> None:
        """Close the file."""
        self.store.close()


class PeerSide:
    """The eventsourcing package on its SQLite store."""

    def __init__(self, folder: Path) -> None:
        self._carriers = open_carriers(folder / "peer.sqlite3")

    def append(self) -> UUID:
        """Register a carrier; returns its id."""
        return self._carriers.register(*new_carrier())

    def load_and_append(self, carrier_id: UUID) -> None:
        """Load a carrier from its stream and append one event."""
        self._carriers.change(carrier_id, *new_carrier())

    def close(self) -> None:
        """Close the file."""
        self._carriers.close()


def append_rate(side: OurSide | PeerSide, threads: int) -> float:
    """Events per second, each the first of a stream of its own."""
    return _events_per_second(threads, lambda _: side.append())


def load_and_append_rate(side: OurSide | PeerSide, threads: int) -> float:
    """Events per second, each appended to a stream that was loaded just before.

    No two threads share a stream: this measures stores, not conflicts.
    """
    turns: list[Callable[[], object]]
    if isinstance(side, OurSide):
        turns = [partial(side.load_and_append, side.append()) for _ in range(STREAMS)]
    else:
        turns = [partial(side.load_and_append, side.append()) for _ in range(STREAMS)]
    return _events_per_second(threads, lambda number: turns[number % STREAMS]())


def long_stream_rate(side: OurSide, carriers: list[str]) -> float:
    """Events per second, each appended to one of the carriers, loaded just before."""
    turns = len(carriers)
    return _events_per_second(1, lambda number: side.load_and_append(carriers[number % turns]))


def _events_per_second(threads: int, one: Callable[[int], object]) -> float:
    """Call `one` with 0 … EVENTS - 1, dealt out to the threads."""
    start = threading.Barrier(threads + 1)
    failures: list[BaseException] = []

    def work(first: int) -> None:
        start.wait()
        try:
            for number in range(first, EVENTS, threads):
                one(number)
        except BaseException as error:
            failures.append(error)
            raise

    workers = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    started = time.monotonic()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - started
    if failures:
        raise failures[0]
    return EVENTS / seconds


def _context() -> CommandContext:
    return CommandContext(uuid4(), uuid4().hex, "bench", Deadline.after(30))
