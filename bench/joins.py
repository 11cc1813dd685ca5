"""Beside the ratios: what a page costs whose carriers are rare among those of each filter, and what
it costs to count those of a filter, as the desk does beside its list.

    python -m bench.joins [--carriers N] [--cassandra]

CPU time of this process is what to compare, as a machine may be busy; beside it stands the clock.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from app.application.deadline import Deadline
from app.application.directory.candidates import MAX_BLOCK
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS, Query
from app.application.ports.views import Row, ViewStore
from app.application.projections import PROJECTIONS
from app.application.strict_json import parse_own
from app.desk.facets import MOST
from app.infrastructure.cassandra.views.store import CassandraViewStore
from app.infrastructure.sqlite.views.store import SqliteViewStore
from bench import servers
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.rounds import say
from tests.support import cassandra_node
from tests.support.directory import carrier, covers
from tests.support.views import Written, made_live, new

TRIES = 5
"""The best of so many is told."""

_BATCH = 2_000
_ACTIVE = frozenset({"active"})
_SCATTER = 7_919
"""Prime: the numbers of carriers, and what follows from them, are scattered over the names."""

QUERIES: Mapping[str, Query] = {
    "first page": Query(),
    "one carrier in two": Query(states=_ACTIVE),
    "none of two halves": Query(states=_ACTIVE, services=frozenset({"parcel"})),
    "none of a half and a twentieth": Query(states=_ACTIVE, services=frozenset({"rail"})),
    "none of a half and a hundredth": Query(states=_ACTIVE, services=frozenset({"ocean"})),
}

COUNTED: Mapping[str, Query] = {
    "one carrier in a hundred": Query(services=frozenset({"ocean"})),
    "one carrier in twenty": Query(services=frozenset({"rail"})),
    "the same, of a half": Query(states=frozenset({"retired"}), services=frozenset({"rail"})),
    "none of two halves": QUERIES["none of two halves"],
    "one carrier in two": QUERIES["one carrier in two"],
}


def main() -> None:
    """Fill a view, and print a line for each query."""
    parser = argparse.ArgumentParser(prog="python -m bench.joins")
    parser.add_argument("--carriers", type=int, default=20_000)
    parser.add_argument("--cassandra", action="store_true")
    chosen = parser.parse_args()
    with on_cassandra() if chosen.cassandra else on_sqlite() as views:
        live = Written(views, made_live(views, PROJECTIONS[CARRIERS].key))
        tell(f"fill {chosen.carriers:,}", lambda: _fill(live, chosen.carriers), tries=1)
        places = live.find(limit=MAX_BLOCK)
        tell(f"{MAX_BLOCK} places of a list", lambda: live.find(limit=MAX_BLOCK))
        tell(f"{MAX_BLOCK} rows, checked", lambda: _check(live, [each for _, each in places]))
        directory = Directory(views, lambda: None, nullcontext)
        for what, query in QUERIES.items():
            tell(what, partial(directory.page, query, soon()))
        for what, query in COUNTED.items():
            count = partial(directory.all_of, query, MOST, soon(), soon())
            found = count()
            number = "too many" if found is None else f"{len(found):,}"
            tell(f"count {what}: {number}", count)


def _fill(live: Written, count: int) -> None:
    for start in range(0, count, _BATCH):
        numbers = range(start, min(count, start + _BATCH))
        live.put(*new(*map(_one_of_many, numbers)))


def _one_of_many(number: int) -> Row:
    services = ["air" if number % 2 else "parcel"]
    services += ["rail"] if number % 20 == 0 else []
    services += ["ocean"] if number % 100 == 0 else []
    return carrier(
        number,
        f"n{number * _SCATTER % 1_000_003:07}",
        "active" if number % 2 else "retired",
        coverage=covers(**{each: ["DE"] for each in services}),
    )


def _check(live: Written, carrier_ids: list[str]) -> None:
    query = QUERIES["none of two halves"]
    for _, body in live.rows(*carrier_ids).values():
        query.fits(parse_own(body))


def tell(what: str, act: Callable[[], object], tries: int = TRIES) -> float:
    """Print what the best of so many tries took, and return its CPU time, in seconds."""
    taken = []
    for _ in range(tries):
        started, cpu = time.perf_counter(), time.process_time()
        act()
        taken.append((time.process_time() - cpu, time.perf_counter() - started))
    cpu, clock = min(taken)
    print(f"{what:42} {1000 * cpu:10.2f} ms of CPU {1000 * clock:10.2f} ms", flush=True)
    return cpu


@contextmanager
def on_sqlite() -> Iterator[ViewStore]:
    """A store without a view, in a file."""
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var") as folder:
        views = SqliteViewStore(Path(folder) / "views.sqlite3")
        yield views
        views.close()


@contextmanager
def on_cassandra() -> Iterator[ViewStore]:
    """The same in a keyspace of its own, on a node."""
    say("starting a node …")
    node = cassandra_node.start()
    try:
        with keyspace_of_our_own(node) as settings, Site(settings) as site:
            yield CassandraViewStore(site.requests)
    finally:
        node.close()


def soon() -> Deadline:
    """Time enough."""
    return Deadline.after(300)


if __name__ == "__main__":
    main()
