"""Behind the way of the data: what a page of carriers costs, however many carriers there are."""

import http.client
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from app.application.directory.query import CARRIERS, Query
from app.infrastructure.cassandra.views.store import CassandraViewStore
from app.infrastructure.observability.process_figures import FOLLOWER
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from bench import carriers, servers
from bench.backlog import Site
from bench.load import WrongAnswer
from bench.on_cassandra import keyspace_of_our_own
from bench.report import MEGABYTES, MILLISECONDS, Measure
from bench.rounds import Pair, Run, interleaved, say
from bench.views import fill, fill_beside, projectors
from tests.support.cassandra_node import Node

REQUESTS = 100
"""For one median."""

AIM = 1.5
"""Of a page of many carriers, beside the same page of few."""

AIM_OF_P99 = 3.0
"""Of the slowest of a hundred pages, beside the median."""

ROLES = ("master", "worker", FOLLOWER)
MEMORY = ("resident memory", "proportional memory")
"""As `processes.memory` tells them."""

_NUMBER = 501
"""A carrier that is there at every size, with a profile."""

QUERIES: Mapping[str, Mapping[str, str]] = {
    "first page": {},
    "page from the middle": {"cursor": Query().cursor_at(("m", ""))},
    "state": {"state": "active"},
    "country and service": {"country": carriers.COUNTRY, "service": carriers.SERVICE},
    "country, service and frequent word": {
        "country": carriers.COUNTRY,
        "service": carriers.SERVICE,
        "q": carriers.FREQUENT_WORD,
    },
    "rare word": {"q": carriers.rare_word(_NUMBER)},
    "frequent word": {"q": carriers.FREQUENT_WORD},
    "identifier": {"identifier": f"duns:{carriers.duns(_NUMBER)}"},
}

RARE: Mapping[str, Mapping[str, str]] = {
    "frequent words that none has both": {"q": f"{carriers.FREQUENT_WORD} group"},
    "the same, by time": {"q": f"{carriers.FREQUENT_WORD} group", "sort": "registered_at"},
    "the same, in a country": {
        "country": carriers.COUNTRY,
        "q": f"{carriers.FREQUENT_WORD} group",
    },
}
"""What is looked for to the end of the lists, so it grows with their length: there is no aim."""


def on_sqlite(_: Sequence[str], run: Run) -> list[Measure]:
    """k."""
    with ExitStack() as running:
        readers = []
        for size in run.sizes:
            folder = run.folder / f"{size}-carriers"
            _fill_sqlite(folder / "events.sqlite3", size)
            readers.append(running.enter_context(Reader(servers.ours_as_it_is(folder))))
        return _compared("k", "SQLite", run.sizes, readers, run.rounds)


def on_cassandra(node: Node, _: Sequence[str], run: Run) -> list[Measure]:
    """l."""
    with ExitStack() as running:
        readers = []
        for size in run.cassandra_sizes:
            folder = run.folder / f"{size}-on-cassandra"
            settings = running.enter_context(keyspace_of_our_own(node))
            with Site(settings) as site:
                _fill_cassandra(site, folder / "source.sqlite3", size)
            server = servers.ours_as_it_is(folder, servers.cassandra(settings))
            readers.append(running.enter_context(Reader(server)))
        return _compared("l", "Cassandra", run.cassandra_sizes, readers, run.rounds)


class Reader:
    """A client with one connection, kept alive, to a service of its own with one worker."""

    def __init__(self, server: servers.HttpServer) -> None:
        self._server = server
        self._running = ExitStack()

    def __enter__(self) -> "Reader":
        self._running.enter_context(self._server)
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        self._connection = self._running.enter_context(closing(connection))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def p50(self, query: Mapping[str, str]) -> float:
        """The median of the milliseconds that a page takes. Raises WrongAnswer."""
        target = f"/carriers?{urlencode(query)}"
        return median(self._milliseconds(target) for _ in range(REQUESTS))

    def memory(self, role: str, kind: str) -> float:
        """MB of the process in this role; `kind` is one of MEMORY."""
        return self._server.memory()[role][MEMORY.index(kind)]

    def p99(self, query: Mapping[str, str]) -> float:
        """The slowest but one of a hundred, in milliseconds. Raises WrongAnswer."""
        target = f"/carriers?{urlencode(query)}"
        return sorted(self._milliseconds(target) for _ in range(REQUESTS))[-2]

    def milliseconds(self, query: Mapping[str, str]) -> float:
        """What one page takes. Raises WrongAnswer."""
        return self._milliseconds(f"/carriers?{urlencode(query)}")

    def _milliseconds(self, target: str) -> float:
        started = time.perf_counter()
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - started
        if answer.status != 200 or b'"carriers"' not in body:
            raise WrongAnswer(body.decode(errors="replace"))
        return 1000 * taken


def _compared(
    key: str, where: str, sizes: Sequence[int], readers: Sequence[Reader], rounds: int
) -> list[Measure]:
    """Each larger size beside the smallest; the memory after all that."""
    smallest, *others = readers
    pages: list[Pair] = [
        (
            Measure(key, f"{what}, {where}, {size:,} ÷ {sizes[0]:,}", AIM, MILLISECONDS),
            partial(reader.p50, query),
            partial(smallest.p50, query),
        )
        for size, reader in zip(sizes[1:], others, strict=True)
        for what, query in QUERIES.items()
    ]
    steady: list[Pair] = [
        (
            Measure(key, f"{what}, {where}, {size:,}: p99 ÷ p50", AIM_OF_P99, MILLISECONDS),
            partial(reader.p99, query),
            partial(reader.p50, query),
        )
        for size, reader in zip(sizes, readers, strict=True)
        for what, query in QUERIES.items()
    ]
    rare: list[Pair] = [
        (
            Measure(key, f"{what}, {where}, {size:,} ÷ {sizes[0]:,}", None, MILLISECONDS),
            partial(reader.milliseconds, query),
            partial(smallest.milliseconds, query),
        )
        for size, reader in zip(sizes[1:], others, strict=True)
        for what, query in RARE.items()
    ]
    memory: list[Pair] = [
        (
            Measure(key, f"{role}'s {kind}, {where}, {size:,} ÷ {sizes[0]:,}", None, MEGABYTES),
            partial(reader.memory, role, kind),
            partial(smallest.memory, role, kind),
        )
        for size, reader in zip(sizes[1:], others, strict=True)
        for role in ROLES
        for kind in MEMORY
    ]
    for _, ours, peer in pages:
        for warm_up in (ours, peer):
            if warm_up is not None:
                warm_up()
    return interleaved([*pages, *steady, *rare], rounds) + interleaved(memory, 1)


def _fill_sqlite(path: Path, size: int) -> None:
    started = time.monotonic()
    say(f"filling SQLite with {size:,} carriers …")
    path.parent.mkdir()
    carriers.into_sqlite(path, size)
    fill_beside(path)
    say(f"… took {time.monotonic() - started:,.0f} s")


def _fill_cassandra(site: Site, source: Path, size: int) -> None:
    """The views alone, through our own store, from the feed of a SQLite file."""
    started = time.monotonic()
    say(f"filling Cassandra with {size:,} carriers …")
    source.parent.mkdir()
    carriers.into_sqlite(source, size)
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(source)))
        feed = opened.enter_context(closing(SqliteFeed(source)))
        views = CassandraViewStore(site.requests)
        fill(projectors(feed, views, store)(CARRIERS), views, feed)
    say(f"… took {time.monotonic() - started:,.0f} s")
