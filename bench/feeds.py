"""Behind the way of the data: what it costs to read the feed, and on Cassandra to fill it."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial

from cassandra.cluster import Session

from app.application.deadline import Deadline
from app.application.ports.feed import Feed
from app.bootstrap import cassandra_contact
from app.infrastructure.cassandra.feed.reader import bucket_of
from app.infrastructure.cassandra.session import PAGE_ROWS, make_cluster
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.sqlite.feed import SqliteFeed
from bench import carriers
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.report import Measure
from bench.rounds import Pair, Run, interleaved, say
from tests.support.cassandra_node import Node

PAGE = 1_000
CARRIERS = 70_000
EVENTS = 20_000
"""In a backlog, and so in the feed on Cassandra."""

_READ = """
SELECT position, aggregate_id, version, event_type, payload, created_at, event_id, metadata
FROM events WHERE position > ? ORDER BY position LIMIT ?
"""

PageOf = Callable[[int], int]
"""Reads what follows a position, a page at most; says how much it was."""


def on_sqlite(_: Sequence[str], run: Run) -> list[Measure]:
    """g."""
    path = run.folder / "feed.sqlite3"
    events = carriers.into_sqlite(path, CARRIERS)
    with closing(SqliteFeed(path)) as feed, closing(sqlite3.connect(path)) as raw:

        def page(after: int) -> int:
            return len(raw.execute(_READ, (after, PAGE)).fetchall())

        measure = Measure("g", f"read {events:,} events, SQLite ÷ raw sqlite3", 0.5)
        ours, peer = partial(_rate, _page_of(feed), events), partial(_rate, page, events)
        return interleaved([(measure, ours, peer)], run.rounds)


def on_cassandra(node: Node, keys: Sequence[str], run: Run) -> list[Measure]:
    """h and i."""
    with ExitStack() as running:
        settings = running.enter_context(keyspace_of_our_own(node))
        site = running.enter_context(Site(settings))
        measures: list[Measure] = []

        def sequenced() -> float:
            say(f"preparing a backlog of {EVENTS:,} events …")
            site.add_backlog(EVENTS)
            return site.sequence()

        if "i" in keys:
            measure = Measure("i", f"sequence {EVENTS:,} events, Cassandra", 3_000)
            measures += interleaved([(measure, sequenced, None)], run.rounds)
        else:
            sequenced()
        if "h" in keys:
            cluster = make_cluster(cassandra_contact(settings))
            running.callback(cluster.shutdown)
            page = _raw_page(cluster.connect(settings.cassandra_keyspace))
            measure = Measure("h", f"read {EVENTS:,} events, Cassandra ÷ raw driver", 0.5)
            ours, peer = partial(_rate, _page_of(site.feed), EVENTS), partial(_rate, page, EVENTS)
            pair: Pair = (measure, ours, peer)
            for warm_up in (ours, peer):
                warm_up()
            measures += interleaved([pair], run.rounds)
        return measures


def _page_of(feed: Feed) -> PageOf:
    return lambda after: len(feed.read(after, PAGE, Deadline.after(10)))


def _raw_page(session: Session) -> PageOf:
    session.default_fetch_size = PAGE_ROWS
    statement = session.prepare(STATEMENTS["read_feed"])

    def page(after: int) -> int:
        return len(list(session.execute(statement, (bucket_of(after + 1), after, PAGE))))

    return page


def _rate(page: PageOf, events: int) -> float:
    """Events per second, from the first to the last."""
    position = 0
    started = time.monotonic()
    while position < events:
        read = page(position)
        if not read:
            raise RuntimeError(f"the feed ends at {position} of {events}")
        position += read
    return position / (time.monotonic() - started)
