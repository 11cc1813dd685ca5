"""Beside the ratios: what an audit costs, of all events and of a few.

    python -m bench.audit [--carriers N] [--cassandra]

Each carrier is registered, and then all are renamed in turn, three times: an event's carrier was
last heard of as many events ago as there are carriers. A process keeps the states of some.
"""

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from app.api.resources.audit_csv import audit_csv
from app.application.audit.audit import Audit
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, EventStore, RecordedEvent
from app.application.ports.feed import Feed
from app.application.queries import AskAudit
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from bench import carriers, servers
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.rounds import say
from tests.support import cassandra_node
from tests.support.figures import KeptFigures

VERSIONS = 4
"""Events of each carrier."""

_FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_THREADS = 16


@dataclass(frozen=True)
class Filled:
    """A store with so many events, a minute apart by their moments."""

    store: EventStore
    feed: Feed
    events: int

    def audit(self, kept: int) -> Audit:
        """Of a process that has just started."""
        return Audit(self.feed, self.store, JsonCodec(), nullcontext, kept)


def main() -> None:
    """Fill a store, and print a line for each audit."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit")
    parser.add_argument("--carriers", type=int, default=25_000)
    parser.add_argument("--cassandra", action="store_true")
    chosen = parser.parse_args()
    with (_on_cassandra if chosen.cassandra else _on_sqlite)(chosen.carriers) as filled:
        some = filled.audit(2_000)
        last = _FIRST_DAY + (filled.events - 1_000) * _MINUTE
        _tell("all; each state is kept", filled.audit(chosen.carriers), AskAudit())
        _tell("all; none is, but of new ones", some, AskAudit())
        _tell("of nobody", some, AskAudit(actor="nobody"))
        _tell("the last thousand, first time", some, AskAudit(since=last))
        _tell("the last thousand, again", some, AskAudit(since=last))
        _tell_memory(some, AskAudit())


def _tell(what: str, audit: Audit, asked: AskAudit) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    lines = _read(audit, asked)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - started
    print(f"{what:32} {lines:9,} lines {cpu:8.2f} s of CPU {clock:8.2f} s", flush=True)


def _tell_memory(audit: Audit, asked: AskAudit) -> None:
    tracemalloc.start()
    _read(audit, asked)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"all; memory at most {peak / 1e6:.1f} MB", flush=True)


def _read(audit: Audit, asked: AskAudit) -> int:
    """How many lines there are."""
    return sum(part.count("\n") for part in audit_csv(audit.pages(asked, _soon))) - 1


def _events(count: int) -> Iterator[RecordedEvent]:
    streams = [str(uuid4()) for _ in range(count)]
    encode = JsonCodec().encode
    for version in range(1, VERSIONS + 1):
        for number, stream in enumerate(streams):
            context = CommandContext(uuid4(), uuid4().hex, "bench", _soon())
            name = f"Carrier {number} {version}"
            happened = (
                CarrierRenamed(name)
                if version > 1
                else CarrierRegistered(name, f"{stream}@example.com")
            )
            moment = _FIRST_DAY + ((version - 1) * count + number) * _MINUTE
            yield RecordedEvent(stream, version, encode(happened, 0, context, moment))


@contextmanager
def _on_sqlite(count: int) -> Iterator[Filled]:
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var") as folder:
        path = Path(folder) / "events.sqlite3"
        events = carriers.insert(path, _events(count))
        store, feed = SqliteEventStore(path), SqliteFeed(path)
        yield Filled(store, feed, events)
        feed.close()
        store.close()


@contextmanager
def _on_cassandra(count: int) -> Iterator[Filled]:
    say("starting a node …")
    node = cassandra_node.start()
    try:
        with keyspace_of_our_own(node) as settings, Site(settings) as site:
            store = CassandraEventStore(site.requests, KeptFigures())
            say(f"appending {VERSIONS * count:,} events …")
            events = list(_events(count))
            with ThreadPoolExecutor(_THREADS) as threads:
                for start in range(0, len(events), count):  # a carrier's versions one by one
                    list(
                        threads.map(
                            lambda each: _append(store, each), events[start : start + count]
                        )
                    )
            site.sequence()
            yield Filled(store, site.feed, len(events))
            store.close()
    finally:
        node.close()


def _append(store: EventStore, event: RecordedEvent) -> None:
    expected = event.version - 1 or NO_STREAM
    store.append(event.stream, expected, [event.data], uuid4(), _soon())


def _soon() -> Deadline:
    return Deadline.after(60)


if __name__ == "__main__":
    main()
