"""Duplicates among many made-up carriers are found through terms, in a time that allows it, on both
stores."""

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from app.application.directory.comparison import DEFAULT_SCORE, Pair
from app.application.directory.duplicates import (
    WHOLE_REGISTRY,
    DuplicatesQuery,
    all_pairs,
    page_of_pairs,
)
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS
from app.application.feed import Tail
from app.application.ports.views import Changes, RowChange, ViewStore
from app.application.projections import PROJECTIONS
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession
from app.infrastructure.cassandra.views.store import CassandraViewStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.support.cassandra_node import Node
from tests.support.measurements import IS_FULL, Figures
from tests.support.planted import Pairs, Planted, registered_until
from tests.support.stores import KEYSPACE, make_keyspace, soon

pytestmark = pytest.mark.soak

CARRIERS_IN_ALL = {"sqlite": (100_000, 2_000), "cassandra": (100_000, 300)}
"""With SOAK=full, and without."""

AT_ONCE = 2_000
WHOLE_SECONDS = 60.0
"""Of processor time: other processes may be busy as well."""

PAGES_OF_HTTP = 20 if IS_FULL else 1_000
WEIGHED = 5_000


@pytest.fixture(params=CARRIERS_IN_ALL)
def store(request: pytest.FixtureRequest) -> str:
    """The name of the store."""
    name: str = request.param
    return name


@pytest.fixture
def views(request: pytest.FixtureRequest, store: str, tmp_path: Path) -> Iterator[ViewStore]:
    """The store, with nothing in it."""
    if store == "cassandra":
        node: Node = request.getfixturevalue("cassandra_node")
        contact = make_keyspace(node)
        session = CassandraSession(contact, KEYSPACE)
        yield CassandraViewStore(Requests(session, contact.serial_consistency))
        session.close()
        return
    opened = SqliteViewStore(tmp_path / "views.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def planted(store: str) -> Planted:
    """The carriers."""
    return Planted(CARRIERS_IN_ALL[store][0 if IS_FULL else 1])


@pytest.fixture
def directory(views: ViewStore, planted: Planted, tmp_path: Path) -> Directory:
    """Over a view of all of them."""
    view = views.begin(PROJECTIONS[CARRIERS].key, soon())
    rows = planted.rows()
    checkpoint = 0
    while some := [RowChange(row) for row in islice(rows, AT_ONCE)]:
        checkpoint += len(some)
        views.commit(view, views.progress(view, soon()), Changes(checkpoint, some), soon(120))
    views.swap(view, soon())
    places = Tail(SqliteFeed(tmp_path / "events.sqlite3"), 1, 0.05).listener
    return Directory(views, lambda: None, places)


def pages(directory: Directory, carriers: int) -> Iterator[list[dict[str, object]]]:
    """Those of the directory, as the shell reads them, with so many carriers."""
    query = WHOLE_REGISTRY
    while carriers > 0:
        page = directory.page(query, soon())
        yield page.rows
        carriers -= len(page.rows)
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


def in_pages(
    directory: Directory, planted: Planted, most: int
) -> tuple[list[Pair], list[float], int]:
    """The pairs on the first pages of HTTP, how many seconds each took, and how many carriers all
    of them have looked at."""
    found: list[Pair] = []
    seconds = []
    looked_at = 0
    query = DuplicatesQuery(limit=100)
    for _ in range(most):
        began = time.monotonic()
        page = page_of_pairs(directory, query, soon())
        seconds.append(time.monotonic() - began)
        found += page.pairs
        if page.next_cursor is None:
            return found, seconds, planted.count
        query = replace(query, cursor=page.next_cursor)
        place = query.walk().after()
        assert place is not None
        looked_at = registered_until(place[0])
    return found, seconds, looked_at


def ids(pairs: list[Pair]) -> Pairs:
    """Who is in them."""
    return {(pair.carriers[0].carrier_id, pair.carriers[1].carrier_id) for pair in pairs}


def test_planted_duplicates_are_found_among_many(
    directory: Directory, planted: Planted, store: str, figures: Figures
) -> None:
    """Those that share a fact all; those whose names have a letter wrong nearly all; and nearly
    nothing else. Pages of HTTP have the same pairs."""
    began, worked = time.monotonic(), time.process_time()
    found = ids(all_pairs(pages(directory, planted.count), DEFAULT_SCORE))
    seconds, work = time.monotonic() - began, time.process_time() - worked
    wanted = set().union(*planted.kinds.values())
    missed = {kind: len(pairs - found) for kind, pairs in planted.kinds.items()}
    assert {kind for kind, count in missed.items() if count} <= {"one letter wrong"}, missed
    assert len(wanted & found) >= 0.9 * len(wanted)
    assert len(wanted & found) >= 0.9 * len(found)

    listed, each, looked_at = in_pages(directory, planted, PAGES_OF_HTTP)
    assert ids(listed) <= found
    assert looked_at == planted.count or IS_FULL
    if looked_at == planted.count:
        assert ids(listed) == found

    tracemalloc.start()
    all_pairs(pages(directory, WEIGHED), DEFAULT_SCORE)
    weight = tracemalloc.get_traced_memory()[1] / min(WEIGHED, planted.count)
    tracemalloc.stop()
    if IS_FULL:
        assert work < WHOLE_SECONDS
    figures.add(
        f"duplicates among made-up carriers, {store}",
        planted.count,
        f"the whole list in {seconds:.1f} s, {work:.1f} s of processor; {len(wanted & found)} of"
        f" {len(wanted)} planted pairs ({missed['one letter wrong']} of"
        f" {len(planted.kinds['one letter wrong'])} with a wrong letter missed),"
        f" {len(found - wanted)} others that score {DEFAULT_SCORE} or more;"
        f" {weight / 1000:.1f} KB a carrier in memory; the first {len(each)} pages of HTTP look"
        f" at {looked_at} carriers in {sum(each):.1f} s, {max(each):.2f} s at most",
    )
