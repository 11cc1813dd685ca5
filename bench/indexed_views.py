"""Beside the ratios: views on Cassandra found through lists that are written here, and through the
engine's storage-attached index, in one run on one node.

    python -m bench.indexed_views [--carriers N] [--rounds N]

CPU time of this process and of the node is what to compare; the clock is that of a busy machine.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from app.application.deadline import Deadline
from app.application.directory.pages import Directory, Page
from app.application.directory.query import CARRIERS, Query
from app.application.ports.errors import SchemaError
from app.application.ports.views import Changes, Place, Row, RowChange, View
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import search_words, sort_keys, terms_of
from app.application.projections.projector import Projector
from app.application.projections.rebuild import BATCH
from app.application.strict_json import parse_own
from app.infrastructure.cassandra.views.indexed import IndexedViewRows
from app.infrastructure.cassandra.views.rows import CassandraViewRows
from app.infrastructure.cassandra.views.store import CassandraViewStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from bench import carriers, processes, servers
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.report import in_columns
from bench.rounds import say
from bench.views import projectors
from config.settings import Settings
from tests.support.cassandra_jvm import FILES, JvmNode, fetch_jars, find_java
from tests.support.processes import free_port

PATIENCE = 600.0
"""Seconds for one request: an idle-time process has to wait."""

WARM_UP = 500
"""Carriers of a generation that is filled before all others."""

PAGES = 20
"""For one round of a query."""

_NUMBER = 501

_LOGISTICS = carriers.FREQUENT_WORD

QUERIES: Mapping[str, Query] = {
    "first page": Query(),
    "first page, newest order": Query(sort="registered_at"),
    "page from the middle": Query(cursor=Query().cursor_at(("m", ""))),
    "state": Query(states=frozenset({"active"})),
    "state, from the middle": Query(
        states=frozenset({"active"}),
        cursor=Query(states=frozenset({"active"})).cursor_at(("m", "")),
    ),
    "country": Query(countries=frozenset({"DE"})),
    "country and service": Query(countries=frozenset({"DE"}), services=frozenset({"express"})),
    "two countries, service, state": Query(
        countries=frozenset({"SE", "AT"}),
        services=frozenset({"air"}),
        states=frozenset({"active"}),
    ),
    "rare word": Query(words=frozenset({carriers.rare_word(_NUMBER)})),
    "frequent word": Query(words=frozenset({_LOGISTICS})),
    "two letters": Query(words=frozenset({"lo"})),
    "frequent word, by time": Query(words=frozenset({_LOGISTICS}), sort="registered_at"),
    "two frequent words": Query(words=frozenset({_LOGISTICS, "baltic"})),
    "frequent word and country": Query(
        words=frozenset({_LOGISTICS}), countries=frozenset({"SE"}), services=frozenset({"air"})
    ),
    "frequent words, no carrier has both": Query(words=frozenset({_LOGISTICS, "group"})),
    "the same, by time": Query(words=frozenset({_LOGISTICS, "group"}), sort="registered_at"),
    "identifier": Query(identifiers=frozenset({("duns", carriers.duns(_NUMBER))})),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of something done: seconds by the clock, and CPU seconds of this process and of the node."""

    seconds: float
    ours: float
    node: float


class Side:
    """One store, with a keyspace of its own, and how its pages are read."""

    def __init__(self, name: str, site: Site, keyspace: str, rows: type[CassandraViewRows]) -> None:
        self.name = name
        self.keyspace = keyspace
        requests = site.requests.within(PATIENCE)
        self.rows = rows(requests)
        self.views = CassandraViewStore(requests, self.rows)
        self._directory = Directory(self.views, lambda: None, nullcontext)

    def page(self, query: Query) -> Page:
        """One page, as the service reads it."""
        if isinstance(self.rows, IndexedViewRows):
            return indexed_page(self.rows, self.view(), query)
        return self._directory.page(query, _soon())

    def whole(self, query: Query) -> tuple[int, int]:
        """Pages until 25 rows are found, or there are no more; and the rows."""
        pages, rows = 0, 0
        while True:
            page = self.page(query)
            pages, rows = pages + 1, rows + len(page.rows)
            if rows >= query.limit or page.next_cursor is None:
                return pages, rows
            query = replace(query, cursor=page.next_cursor)

    def view(self) -> View:
        """The live view of carriers; a read, as before and after each page."""
        key = PROJECTIONS[CARRIERS].key
        live = self.views.generations(key, _soon()).live
        assert live is not None
        return View(key, live)


def indexed_page(rows: IndexedViewRows, view: View, query: Query) -> Page:
    """As `Directory.page`, with what the engine has intersected, and no limit of candidates."""
    after, size = query.after(), query.limit + 1
    found: list[tuple[Place, dict[str, object]]] = []
    while True:
        some = rows.matching(
            view, query.sort, query.conditions(), query.words, after, size, _soon()
        )
        for place, row in some:
            body = parse_own(row.body)
            if query.fits(body):
                found.append((place, body))
        if len(found) > query.limit:
            last, _ = found[query.limit - 1]
            return Page([body for _, body in found[: query.limit]], query.cursor_at(last))
        if len(some) < size:
            return Page([body for _, body in found], None)
        after = some[-1][0]
        size = min(2 * size, 500)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.indexed_views")
    parser.add_argument("--carriers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--heap", default="1G")
    parser.add_argument("--in-memory", action="store_true", help="read before a flush, too")
    chosen = parser.parse_args(arguments)
    jmx = free_port()
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with ExitStack() as running:
        name = running.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var")
        )
        node = JvmNode(
            data=Path(name) / "node",
            heap=chosen.heap,
            short_lived=False,
            options=[f"-Dcassandra.jmx.local.port={jmx}"],
        )
        running.enter_context(node)
        sides = []
        for what, rows in (("lists", CassandraViewRows), ("index", IndexedViewRows)):
            settings = _keyspace(node, running)
            site = running.enter_context(Site(settings))
            sides.append(Side(what, site, settings.cassandra_keyspace, rows))
        _measure(
            node,
            jmx,
            sides,
            Path(name),
            chosen.carriers,
            chosen.rounds,
            when_in_memory=chosen.in_memory,
        )


def _keyspace(node: JvmNode, running: ExitStack) -> Settings:
    """A new one; tried again, as a node that gets little of a busy machine loses connections."""
    for _ in range(5):
        with suppress(SchemaError):
            return running.enter_context(keyspace_of_our_own(node))
    raise RuntimeError("the node takes no schema")


def _measure(
    node: JvmNode,
    jmx: int,
    sides: Sequence[Side],
    folder: Path,
    count: int,
    rounds: int,
    *,
    when_in_memory: bool,
) -> None:
    _warm_up(folder / "first.sqlite3", sides)
    path = folder / "source.sqlite3"
    carriers.into_sqlite(path, count)
    lines: list[Sequence[str]] = []
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(path)))
        feed = opened.enter_context(closing(SqliteFeed(path)))
        for side in sides:
            projector = projectors(feed, side.views, store)(CARRIERS)
            cost = _cost(node, partial(_build, projector, side.views, feed))
            lines.append(_line(f"fill {count:,} carriers", side, cost, count))
            say(" ".join(lines[-1]))
    print(in_columns([("", "", "each ms", "ours CPU ms", "node CPU ms", "a second"), *lines]))
    if when_in_memory:
        _read(node, sides, rounds, "before a flush")
    _nodetool(jmx, "flush")
    for side in sides:
        cost = _cost(node, partial(_nodetool, jmx, "compact", side.keyspace))
        say(f"compact {side.name}: {cost.seconds:.1f} s, node's CPU {cost.node:.1f} s")
        say(f"disk, {side.name}: {_megabytes(node, side.keyspace)}")
    _read(node, sides, rounds, "after flush and compaction")
    _rename(node, sides)
    _wide(node, sides)
    _check_the_same(sides)
    for side in sides:
        drop = _cost(node, partial(_drop, side))
        say(f"drop, {side.name}: {drop.seconds:.2f} s, node's CPU {drop.node:.2f} s")


def _warm_up(path: Path, sides: Sequence[Side]) -> None:
    """Whoever is measured first would pay for what the node has not compiled yet."""
    carriers.into_sqlite(path, WARM_UP)
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(path)))
        feed = opened.enter_context(closing(SqliteFeed(path)))
        for side in sides:
            _build(projectors(feed, side.views, store)(CARRIERS), side.views, feed)
            for query in QUERIES.values():
                side.page(query)


def _build(projector: Projector, views: CassandraViewStore, feed: SqliteFeed) -> None:
    """Fill a new generation and give it to readers."""
    view = views.begin(projector.projection.key, _soon())
    head = feed.head(_soon())
    while views.progress(view, _soon()).checkpoint < head:
        projector.step(view, _soon(), BATCH)
    views.swap(view, _soon())


def _check_the_same(sides: Sequence[Side]) -> None:
    """Both stores give the same rows, over all of a walk."""
    for what, query in QUERIES.items():
        first = replace(query, cursor=None, limit=100)
        found = [list(islice(_walk(side, first), 200)) for side in sides]
        if found[0] != found[1]:
            raise RuntimeError(f"{what}: the stores do not agree")


def _walk(side: Side, query: Query) -> Iterator[object]:
    while True:
        page = side.page(query)
        yield from (row["carrier_id"] for row in page.rows)
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


def _read(
    node: JvmNode,
    sides: Sequence[Side],
    rounds: int,
    when: str,
    queries: Mapping[str, Query] = QUERIES,
) -> None:
    lines: list[Sequence[str]] = []
    for what, query in queries.items():
        taken: dict[str, list[float]] = {side.name: [] for side in sides}
        costs = {side.name: [0.0, 0.0] for side in sides}
        whole = {}
        for number in range(rounds):
            for side in sides if number % 2 else reversed(sides):
                whole[side.name] = side.whole(query)

                cost = _cost(node, partial(_pages, side, query, taken[side.name]))
                costs[side.name][0] += cost.ours
                costs[side.name][1] += cost.node
        for side in sides:
            times = sorted(taken[side.name])
            ours, nodes = (1000 * each / len(times) for each in costs[side.name])
            pages, rows = whole[side.name]
            lines.append(
                (
                    what,
                    side.name,
                    f"{times[len(times) // 2]:.1f}",
                    f"{times[len(times) * 99 // 100]:.1f}",
                    f"{ours:.1f}",
                    f"{nodes:.1f}",
                    f"{rows} in {pages}",
                )
            )
            say("  ".join(lines[-1]))
    head = (when, "", "p50 ms", "p99 ms", "ours CPU ms", "node CPU ms", "rows in pages")
    print(in_columns([head, *lines]), flush=True)


def _pages(side: Side, query: Query, milliseconds: list[float]) -> None:
    for _ in range(PAGES):
        started = time.perf_counter()
        side.page(query)
        milliseconds.append(1000 * (time.perf_counter() - started))


WIDE = 60
_CODES = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJKLMNOPQRSTUVWXY"]
_EVERY = ("express", "parcel", "freight", "ltl", "ftl", "air", "ocean", "rail")


def _wide(node: JvmNode, sides: Sequence[Side]) -> None:
    """Carriers that offer every service in each country by name: 2,258 terms each."""
    coverage = [{"service": each, "countries": _CODES} for each in _EVERY]
    for side in sides:
        body = {**next(_bodies(side)), "version": 1, "coverage": coverage}
        new = [
            RowChange(
                _row({**body, "carrier_id": f"wide-{number:03}", "name": f"Wide {number:03}"})
            )
            for number in range(WIDE)
        ]
        view = side.view()
        base = side.views.progress(view, _soon())
        changes = Changes(base.checkpoint + 1, new)
        cost = _cost(node, partial(side.views.commit, view, base, changes, _soon()))
        say("  ".join(_line("wide carriers", side, cost, WIDE)))
    words = frozenset({"wide"})
    _read(node, sides, 1, "wide carriers", {"of one word": Query(words=words)})


RENAMES = 50


def _rename(node: JvmNode, sides: Sequence[Side]) -> None:
    """Each a commit of its own, as a projector that is up with the feed does it."""
    for side in sides:
        view = side.view()
        bodies = list(islice(_bodies(side), RENAMES))

        cost = _cost(node, partial(_renamed, side, view, bodies))
        say("  ".join(_line("rename, a commit each", side, cost, RENAMES)))
        renamed = Query(words=frozenset({"z"}), limit=100)
        say(f"found of them, {side.name}: {sum(1 for _ in _walk(side, renamed))}")


def _renamed(side: Side, view: View, bodies: Sequence[Mapping[str, object]]) -> None:
    for body in bodies:
        before = _row(body)
        after = _row({**body, "name": f"Z {body['name']}", "version": before.version + 1})
        base = side.views.progress(view, _soon())
        changes = Changes(base.checkpoint + 1, [RowChange(after, [before])])
        side.views.commit(view, base, changes, _soon())


def _bodies(side: Side) -> Iterator[dict[str, object]]:
    query = Query(limit=100)
    while True:
        page = side.page(query)
        yield from page.rows
        assert page.next_cursor is not None
        query = replace(query, cursor=page.next_cursor)


def _row(body: Mapping[str, object]) -> Row:
    return Row(
        str(body["carrier_id"]),
        int(str(body["version"])),
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        sort_keys(body),
        terms_of(body),
        search_words(body),
    )


def _drop(side: Side) -> None:
    view = side.view()
    side.views.abandon(view.projection, _soon())
    side.views.drop(view, _soon())


def _cost(node: JvmNode, act: Callable[[], object]) -> Cost:
    started, ours, theirs = (
        time.perf_counter(),
        time.process_time(),
        processes.cpu_seconds(node.pid),
    )
    act()
    return Cost(
        time.perf_counter() - started,
        time.process_time() - ours,
        processes.cpu_seconds(node.pid) - theirs,
    )


def _line(what: str, side: Side, cost: Cost, count: int) -> Sequence[str]:
    each = [f"{1000 * part / count:.2f}" for part in (cost.seconds, cost.ours, cost.node)]
    return (what, side.name, *each, f"{count / cost.seconds:,.0f}")


def _nodetool(jmx: int, *what: str) -> None:
    options = [each for each in (FILES / "jvm.options").read_text().split() if "--add" in each]
    command = [
        find_java(),
        *options,
        "-cp",
        f"{fetch_jars()}/*",
        "org.apache.cassandra.tools.NodeTool",
    ]
    subprocess.run([*command, "-h", "127.0.0.1", "-p", str(jmx), *what], check=True, timeout=300)


def _megabytes(node: JvmNode, keyspace: str) -> str:
    sizes = {}
    for table in sorted((node.data / "data" / keyspace).glob("view_*")):
        files = [each for each in table.iterdir() if each.is_file()]
        index = sum(
            each.stat().st_size for each in files if "+SAI+" in each.name or "SAI" in each.name
        )
        whole = sum(each.stat().st_size for each in files)
        if whole > 50_000:
            sizes[table.name.partition("-")[0]] = (
                f"{whole / 1e6:.1f} MB, of that index {index / 1e6:.1f}"
            )
    return json.dumps(sizes)


def _soon() -> Deadline:
    return Deadline.after(PATIENCE)


if __name__ == "__main__":
    main()
