"""Behind the way of the data: what a page of a history costs, however long the history is (m)."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from statistics import median
from uuid import UUID, uuid4

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, EventData, EventStore
from app.application.repository import CarrierRepository
from app.domain.command import CarrierEvent
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.report import MILLISECONDS, Measure
from bench.rounds import Pair, Run, interleaved
from tests.support.cassandra_node import Node
from tests.support.figures import KeptFigures

LONG, SHORT = 10_000, 10
PAGE = 10
"""Events on the page, which is the last one of its history."""

WALKED = 500
"""Events a page of the walk from the first event to the last: as many as a client may ask for."""

REQUESTS = 50
"""For one median."""

AIM = 1.5

_AT_ONCE = 50
"""Events of one commit."""


def on_sqlite(_: Sequence[str], run: Run) -> list[Measure]:
    """m, on SQLite."""
    with closing(SqliteEventStore(run.folder / "histories.sqlite3")) as store:
        return interleaved(_pairs("SQLite", store), run.rounds)


def on_cassandra(node: Node, _: Sequence[str], run: Run) -> list[Measure]:
    """m, on Cassandra."""
    with keyspace_of_our_own(node) as settings, Site(settings) as site:
        store = CassandraEventStore(site.requests, KeptFigures())
        return interleaved(_pairs("Cassandra", store), run.rounds)


def _pairs(where: str, store: EventStore) -> list[Pair]:
    long, short = (_filled(store, length) for length in (LONG, SHORT))
    shown = CarrierRepository(store, JsonCodec(), system_clock)

    def last_page(carrier_id: str, length: int) -> Callable[[], float]:
        return lambda: _milliseconds(shown, carrier_id, length)

    def walk() -> float:
        """Events a second, by a process that has just started."""
        fresh = CarrierRepository(store, JsonCodec(), system_clock)
        started = time.perf_counter()
        for after in range(0, LONG, WALKED):
            fresh.history(long, _soon(), after, WALKED)
        return LONG / (time.perf_counter() - started)

    page = Measure(
        "m", f"last page of a history, {where}, {LONG:,} events ÷ {SHORT}", AIM, MILLISECONDS
    )
    walked = Measure("m", f"events of a history read in pages of {WALKED}, {where}")
    for carrier_id, length in ((long, LONG), (short, SHORT)):
        _milliseconds(shown, carrier_id, length)
    return [(page, last_page(long, LONG), last_page(short, SHORT)), (walked, walk, None)]


def _milliseconds(carriers: CarrierRepository, carrier_id: str, length: int) -> float:
    """The median of what the last page takes."""

    def taken() -> float:
        started = time.perf_counter()
        found = carriers.history(carrier_id, _soon(), length - PAGE, PAGE)
        seconds = time.perf_counter() - started
        if [entry.version for entry in found] != list(range(length - PAGE + 1, length + 1)):
            raise RuntimeError("the page has other events than the last ones")
        return 1000 * seconds

    return median(taken() for _ in range(REQUESTS))


def _filled(store: EventStore, length: int) -> str:
    """A carrier that was registered and then renamed until it has so many events."""
    carrier_id = str(uuid4())
    for first in range(0, length, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, length))
        commit_id, events = _commit(numbers)
        store.append(carrier_id, first or NO_STREAM, events, commit_id, _soon())
    return carrier_id


def _commit(numbers: range) -> tuple[UUID, list[EventData]]:
    """The events of these places in a history, as stores keep them."""
    context = CommandContext(uuid4(), uuid4().hex, "bench", _soon())
    happened = [_event(number) for number in numbers]
    encode, now = JsonCodec().encode, system_clock()
    return context.commit_id, [encode(each, at, context, now) for at, each in enumerate(happened)]


def _event(number: int) -> CarrierEvent:
    if number:
        return CarrierRenamed(f"Carrier {number}")
    return CarrierRegistered("Carrier", f"{uuid4().hex}@example.com")


def _soon() -> Deadline:
    return Deadline.after(60)
