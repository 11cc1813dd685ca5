"""The one place that chooses implementations: settings in, services out."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from app.application.access import Access, KeyRing, KeyStore
from app.application.bus import CommandBus
from app.application.deadline import Deadline
from app.application.directory import Directory
from app.application.feed import Feed, Places, Sequencer, Tail
from app.application.handlers import CarrierHandlers
from app.application.ports import Clock, EventStore, StoreUnavailable, Telemetry
from app.application.projections import PROJECTIONS
from app.application.projections.follower import IDLE_SECONDS, Follower
from app.application.projections.projector import Projector
from app.application.projections.rebuild import BATCH
from app.application.repository import CarrierRepository
from app.application.services import Services
from app.application.views import ViewStore
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from app.infrastructure.metered_store import MeteredEventStore
from app.infrastructure.sqlite_feed import SqliteFeed
from app.infrastructure.sqlite_keys import SqliteKeyStore
from app.infrastructure.sqlite_store import SqliteEventStore
from app.infrastructure.sqlite_views import REBUILD_BATCH, SqliteViewStore
from app.infrastructure.telemetry import PrometheusTelemetry
from config.settings import Settings

if TYPE_CHECKING:
    from app.infrastructure.cassandra_feed_lag import FeedLag
    from app.infrastructure.cassandra_session import Contact

log = logging.getLogger(__name__)

clock: Clock = system_clock
"""The time, for all parts."""

TAIL_POLL_SECONDS = 0.05
"""So often the feed is asked for what other processes have appended, while somebody waits."""

SEQUENCER_POLL_SECONDS = 0.1
"""So often Cassandra is asked for what was committed since."""

OPEN_SECONDS = 5.0
"""What it may take to begin views anew whose events were replaced."""

FOLLOW_POLL_SECONDS = 0.05
"""So often a process that does nothing but follow looks: nobody stirs it."""


class Stores(NamedTuple):
    """What keeps data, of one kind of database."""

    events: EventStore
    keys: KeyStore
    feed: Feed
    views: ViewStore
    sequencer: Sequencer | None = None
    feed_lag: "Callable[[Deadline], FeedLag] | None" = None
    """How far the sequencer is behind; raises StoreUnavailable."""
    rebuild_batch: int = BATCH


def build_services(settings: Settings, *, follows: bool = True) -> Services:
    """Everything that a process needs. Call it after a fork, never before.

    Unless told otherwise, here or by the settings, it keeps the views up with the feed, in a
    thread of its own.

    Raises StoreUnavailable if the SQLite file cannot be opened. Cassandra may be down: the
    services answer StoreUnavailable until it is there.
    """
    telemetry = PrometheusTelemetry()
    closing = ExitStack()
    opened = open_stores(settings, telemetry, closing)
    tail = Tail(opened.feed, settings.listeners, TAIL_POLL_SECONDS)
    closing.callback(tail.close)
    follower = build_follower(opened)
    closing.callback(follower.close)
    if follows and settings.workers_follow:
        follower.start()

    def stir() -> None:
        # A sequencer that is not hurried takes more in at once.
        if opened.sequencer is None:
            tail.stir()
            follower.stir()

    store = MeteredEventStore(opened.events, telemetry, on_append=stir)
    carriers = CarrierRepository(store, JsonCodec(), clock)
    bus = CommandBus(CarrierHandlers(carriers).table(), telemetry)
    access = Access(KeyRing(opened.keys), settings.keyless, settings.keyless_hosts)
    # Of the threads that carry out commands, so that those are never all kept waiting.
    places = Places(max(1, settings.threads // 2))
    directory = Directory(opened.views, follower.stir, places.taken)
    return Services(
        bus, carriers, store, telemetry, uuid4, access, opened.feed, tail, directory, closing.close
    )


def build_projectors(stores: Stores) -> list[Projector]:
    """One for each projection."""
    return [
        Projector(projection, stores.feed, stores.views, stores.events, JsonCodec())
        for projection in PROJECTIONS.values()
    ]


def build_follower(stores: Stores, poll_seconds: float = IDLE_SECONDS) -> Follower:
    """It keeps the views up, and on Cassandra the feed; not started yet. Where a sequencer has to
    be asked, that says how often to look."""
    projectors = build_projectors(stores)
    if stores.sequencer is None:
        return Follower(projectors, None, poll_seconds)
    return Follower(projectors, stores.sequencer, SEQUENCER_POLL_SECONDS)


def open_stores(settings: Settings, telemetry: Telemetry, closing: ExitStack) -> Stores:
    """The stores that the settings name; `closing` is told how they are closed."""
    if settings.event_store == "sqlite":
        path = settings.sqlite_path
        stored, feed = SqliteEventStore(path), SqliteFeed(path)
        closing.callback(stored.close)
        closing.callback(feed.close)
        views = SqliteViewStore(settings.views_path)
        closing.callback(views.close)
        _begin_anew(views, feed)
        keys = SqliteKeyStore(path)
        return Stores(stored, keys, feed, views, rebuild_batch=REBUILD_BATCH)
    # Imported only here: the driver costs a second and 30 MB that SQLite does not need.
    from app.infrastructure import (
        cassandra_feed,
        cassandra_feed_lag,
        cassandra_keys,
        cassandra_sequencer,
        cassandra_views,
    )
    from app.infrastructure.cassandra_session import CassandraSession
    from app.infrastructure.cassandra_store import STATEMENTS, CassandraEventStore

    contact = cassandra_contact(settings)
    statements = (
        STATEMENTS
        | cassandra_keys.STATEMENTS
        | cassandra_sequencer.STATEMENTS
        | cassandra_views.STATEMENTS
    )
    session = CassandraSession(contact, settings.cassandra_keyspace, statements)
    events = CassandraEventStore(session, telemetry, contact.serial_consistency)
    closing.callback(events.close)
    return Stores(
        events,
        cassandra_keys.CassandraKeyStore(session, contact.serial_consistency),
        cassandra_feed.CassandraFeed(session),
        cassandra_views.CassandraViewStore(session, contact.serial_consistency),
        cassandra_sequencer.CassandraSequencer(session, contact.serial_consistency),
        partial(cassandra_feed_lag.feed_lag, session, contact.serial_consistency),
    )


def _begin_anew(views: SqliteViewStore, feed: SqliteFeed) -> None:
    """What views hold of other events than these: somebody has put another file in their place."""
    deadline = Deadline.after(OPEN_SECONDS)
    try:
        for view in views.begin_anew(lambda: feed.head(deadline), deadline):
            log.warning(
                "the view %s held more events than there are: it is made anew", view.projection
            )
    except StoreUnavailable as error:  # commands do without views
        log.warning("the views cannot be compared with the events: %s", error)


@contextmanager
def opened_stores(settings: Settings) -> Iterator[Stores]:
    """All stores, for a shell. Raises StoreUnavailable."""
    with ExitStack() as closing:
        yield open_stores(settings, PrometheusTelemetry(), closing)


@contextmanager
def following(settings: Settings) -> Iterator[None]:
    """Keep the views up, and on Cassandra the feed, for as long as this lasts. Raises
    StoreUnavailable as `build_services` does."""
    with opened_stores(settings) as stores:
        follower = build_follower(stores, FOLLOW_POLL_SECONDS)
        follower.start()
        try:
            yield
        finally:
            follower.close()


def adopt_streams(settings: Settings) -> Iterator[tuple[int, int]]:
    """See `CassandraAdoption.run`; over the Cassandra of the settings. Raises StoreUnavailable."""
    from app.infrastructure import cassandra_adoption, cassandra_lanes
    from app.infrastructure.cassandra_session import CassandraSession

    contact = cassandra_contact(settings)
    statements = cassandra_lanes.STATEMENTS | cassandra_adoption.STATEMENTS
    session = CassandraSession(contact, settings.cassandra_keyspace, statements)
    adoption = cassandra_adoption.CassandraAdoption(session, contact.serial_consistency)
    try:
        yield from adoption.run()
    finally:
        adoption.close()
        session.close()


@contextmanager
def opened_keys(settings: Settings) -> Iterator[KeyStore]:
    """The API keys alone, for a shell. Raises StoreUnavailable."""
    if settings.event_store == "sqlite":
        yield SqliteKeyStore(settings.sqlite_path)
        return
    from app.infrastructure.cassandra_keys import STATEMENTS, CassandraKeyStore
    from app.infrastructure.cassandra_session import CassandraSession

    contact = cassandra_contact(settings)
    session = CassandraSession(contact, settings.cassandra_keyspace, STATEMENTS)
    try:
        yield CassandraKeyStore(session, contact.serial_consistency)
    finally:
        session.close()


def cassandra_contact(settings: Settings) -> "Contact":
    """Where the settings say that Cassandra is."""
    from app.infrastructure.cassandra_session import Contact

    return Contact(
        hosts=settings.cassandra_hosts,
        port=settings.cassandra_port,
        local_dc=settings.cassandra_local_dc,
        username=settings.cassandra_username,
        password=settings.cassandra_password,
        tls_ca=settings.cassandra_tls_ca,
        tls_cert=settings.cassandra_tls_cert,
        tls_key=settings.cassandra_tls_key,
    )


def bring_schema_up_to_date(
    settings: Settings, folder: Path, say: Callable[[str], None]
) -> list[str]:
    """Apply the migrations of the folder to the Cassandra of the settings; returns the names of
    those applied now. Raises SchemaError."""
    from app.infrastructure import cql_migrations

    return cql_migrations.migrate(
        cassandra_contact(settings),
        settings.cassandra_keyspace,
        settings.replication,
        cql_migrations.read_migrations(folder),
        say,
    )
