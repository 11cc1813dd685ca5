"""Behind the way of the data: what it costs to make views of events (j), and how to fill them."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed
from app.application.ports.views import ViewStore
from app.application.projections import PROJECTIONS
from app.application.projections.projector import Projector
from app.application.projections.rebuild import BATCH, rebuild
from app.cli.projections import collect_garbage_rarely
from app.infrastructure.cassandra.append.event_store import CassandraEventStore
from app.infrastructure.cassandra.views.store import CassandraViewStore
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.store import REBUILD_BATCH, SqliteViewStore
from bench import carriers
from bench.backlog import Site
from bench.on_cassandra import keyspace_of_our_own
from bench.report import Measure
from bench.rounds import Pair, Run, interleaved, say
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.figures import KeptFigures

CARRIERS = 83_500
PROFILES = 10
"""One carrier in so many has a profile: most events are registrations."""

EVENTS_ON_CASSANDRA = 5_000

_STEP_SECONDS = 300.0
_SAY_EVERY_SECONDS = 10.0

NewProjector = Callable[[str], Projector]
"""Makes one for the projection of that name, as a process does that has just started."""


def projectors(feed: Feed, views: ViewStore, events: EventStore) -> NewProjector:
    """From these to those."""
    return lambda name: Projector(PROJECTIONS[name], feed, views, events, JsonCodec())


def fill(projector: Projector, views: ViewStore, feed: Feed, batch: int = BATCH) -> None:
    """Bring what readers are given up with the feed, `batch` events a commit. Says how far."""
    head = feed.head(_soon())
    view = projector.live(_soon())
    if view is None:
        view = views.begin(projector.projection.key, _soon())
        views.swap(view, _soon())
    started = said = time.monotonic()
    while (at := views.progress(view, _soon()).checkpoint) < head:
        if time.monotonic() - said > _SAY_EVERY_SECONDS:
            said = time.monotonic()
            say(f"{at:,} of {head:,} events, {at / (said - started):,.0f} a second")
        projector.step(view, _soon(), batch)


def fill_beside(path: Path) -> None:
    """Make the views of the registry in this file, where the service looks for them."""
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(path)))
        feed = opened.enter_context(closing(SqliteFeed(path)))
        # It makes views anew that do not say which registry they are made of.
        registry = opened.enter_context(closing(SqliteRegistry(path)))
        views_path = Settings(sqlite_path=path).views_path
        views = opened.enter_context(closing(SqliteViewStore(views_path, registry)))
        for name in PROJECTIONS:
            fill(projectors(feed, views, store)(name), views, feed, REBUILD_BATCH)


def rebuilt(projector: Projector, views: ViewStore, feed: Feed, batch: int = BATCH) -> None:
    """Rebuild what readers are given, as `carriers projections rebuild` does but without its pauses
    and its lines. Raises RuntimeError if the new view differs from the former one."""
    with _garbage_collected_rarely():
        result = rebuild(
            projector,
            views,
            feed,
            _soon,
            say_progress=lambda _at, _head: None,
            sleep=lambda _seconds: None,
            batch=batch,
        )
    if result.differences != 0:
        raise RuntimeError(f"{projector.name} was rebuilt with {result.differences} differences")


def on_sqlite(_: Sequence[str], run: Run) -> list[Measure]:
    """j, on SQLite."""
    path = run.folder / "rebuild.sqlite3"
    events = carriers.into_sqlite(path, CARRIERS, PROFILES)
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(path)))
        feed = opened.enter_context(closing(SqliteFeed(path)))
        views = opened.enter_context(
            closing(SqliteViewStore(path.with_name("rebuild.views.sqlite3")))
        )
        new = projectors(feed, views, store)
        return _rebuilds("SQLite", events, new, views, feed, run, REBUILD_BATCH)


def on_cassandra(node: Node, _: Sequence[str], run: Run) -> list[Measure]:
    """j, on Cassandra."""
    with keyspace_of_our_own(node) as settings, Site(settings) as site:
        site.add_backlog(EVENTS_ON_CASSANDRA)
        site.sequence()
        views = CassandraViewStore(site.requests)
        store = CassandraEventStore(site.requests, KeptFigures())
        new = projectors(site.feed, views, store)
        return _rebuilds("Cassandra", EVENTS_ON_CASSANDRA, new, views, site.feed, run)


def _rebuilds(
    where: str,
    events: int,
    new: NewProjector,
    views: ViewStore,
    feed: Feed,
    run: Run,
    batch: int = BATCH,
) -> list[Measure]:
    def rate(name: str) -> float:
        started = time.monotonic()
        rebuilt(new(name), views, feed, batch)
        return events / (time.monotonic() - started)

    pairs: list[Pair] = []
    for name in PROJECTIONS:
        say(f"filling {name} on {where} with {events:,} events …")
        fill(new(name), views, feed, batch)
        aim = 20_000 if where == "SQLite" else None
        measure = Measure("j", f"rebuild {name} of {events:,} events, {where}", aim)
        pairs.append((measure, partial(rate, name), None))
    return interleaved(pairs, run.rounds)


@contextmanager
def _garbage_collected_rarely() -> Iterator[None]:
    """As in the process of `carriers projections rebuild`."""
    before = gc.get_threshold()
    collect_garbage_rarely()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def _soon() -> Deadline:
    return Deadline.after(_STEP_SECONDS)
