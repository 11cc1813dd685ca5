"""Puts the application on the stores that were chosen: commands, queries, access, views."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from uuid import uuid4

from app.application.access.quotas import ADDRESS, KEY, Quotas
from app.application.access.ring import Access, KeyRing
from app.application.access.uses import KeyUses
from app.application.audit.audit import Audit
from app.application.bus import CommandBus
from app.application.command_context import CommandContext
from app.application.concurrency import ConcurrencyLimit
from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.feed import Tail
from app.application.handlers import CommandDone, Handlers, as_it_is, in_turn
from app.application.merging import Merging
from app.application.operations import Operations
from app.application.ports.clock import Clock
from app.application.ports.event_store import EventStore
from app.application.ports.feed import NOTHING_WAITS, Feed
from app.application.ports.quotas import Quota
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import NO_TRACING, Tracer
from app.application.projections import PROJECTIONS
from app.application.projections.follower import (
    GATHER_SECONDS,
    IDLE_SECONDS,
    FollowedView,
    Follower,
)
from app.application.projections.projector import Projector
from app.application.repository import (
    CarrierRepository,
    ColumnMappingsRepository,
    PolicyRepository,
)
from app.application.second_person import SecondPerson
from app.application.services import Services
from app.application.traced_bus import TracedCommandBus
from app.application.unfinished_merges import PATIENCE_SECONDS, UnfinishedMerges
from app.application.vetting import Vettings
from app.bootstrap.choice import open_stores
from app.bootstrap.doctor import examine
from app.bootstrap.stores import Stores
from app.bootstrap.tracing import build_tracer
from app.domain.command import Command
from app.domain.declarations import MAPPING_DECLARATIONS, POLICY_DECLARATIONS
from app.domain.policy.adopt import POLICY_ID
from app.infrastructure import shared_quotas, shared_wakes
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from app.infrastructure.notifying_store import NotifyingEventStore
from app.infrastructure.observability.metered_store import MeteredEventStore
from app.infrastructure.observability.telemetry import PrometheusTelemetry
from app.infrastructure.observability.traced_store import TracedTelemetry
from app.infrastructure.shared_wakes import SharedWakes
from app.infrastructure.sqlite.seen_keys import SqliteSeenKeys
from config.settings import Settings

FeedHead = Callable[[Deadline], int]
"""Reads the feed's last position."""

clock: Clock = system_clock
"""The time, for all parts."""

TAIL_POLL_SECONDS = 0.05
"""So often the feed is asked for what other processes have appended, while somebody waits."""

SEQUENCER_POLL_SECONDS = 0.1
"""So often Cassandra is asked for what was committed since."""

FOLLOW_POLL_SECONDS = 0.05
"""So often a process that does nothing but follow looks at the feed: nobody wakes it."""


def build_services(settings: Settings, *, follows: bool = True, makes: bool = True) -> Services:
    """Everything that a process needs. Call it after a fork, never before.

    With `follows` a thread keeps the views up with the feed, unless the settings say that another
    process does: a follower of this server, which is woken, or one elsewhere; then the thread only
    makes the views that this release lacks. Without `follows` there is no thread. A process
    that follows is there to stay: while its store is away, be it Cassandra or the file of SQLite,
    the services answer StoreUnavailable.

    A process that does not follow gets StoreUnavailable if the SQLite file cannot be opened, and
    unless it `makes` one, also if there is none.
    """
    telemetry = PrometheusTelemetry()
    closing = ExitStack()
    tracer = build_tracer(settings)
    closing.callback(tracer.close)  # the last: what ends before it may be traced
    counting: Telemetry = TracedTelemetry(telemetry, tracer) if tracer.is_on else telemetry
    opened = open_stores(settings, counting, closing, makes=makes, waits=follows, tracer=tracer)
    telemetry.watch(opened.feed_lag or (lambda _: NOTHING_WAITS))
    tail = Tail(opened.feed, settings.listeners, TAIL_POLL_SECONDS)
    closing.callback(tail.close)
    keeps_up = settings.workers_follow is not False
    merges = build_unfinished_merges(opened, counting, settings) if keeps_up else None
    follower = build_follower(opened, merges=merges, keeps_up=keeps_up, tracer=tracer)
    closing.callback(follower.close)
    appended, wanted = (follower.wake if keeps_up else _nobody), follower.wake
    if settings.follower and not keeps_up:
        beside = shared_wakes.of_this_server()
        appended, wanted = beside.appended, beside.wanted
    elif follows:
        follower.start()

    store: EventStore = MeteredEventStore(opened.events, telemetry)
    if opened.sequencer is None:  # one that is not hurried takes more in at once
        store = NotifyingEventStore(store, tail.wake, appended)
    carriers = CarrierRepository(store, JsonCodec(), clock)
    policies = PolicyRepository(store, JsonCodec(), clock)
    mappings = ColumnMappingsRepository(store, JsonCodec(), clock)
    merging = _merging(carriers, policies, opened.feed, counting)
    bus = _bus(merging, policies, mappings, counting, tracer)
    uses = KeyUses(opened.keys, clock)
    closing.callback(uses.close)
    access = Access(
        KeyRing(opened.keys, clock=clock, on_use=uses.note),
        settings.keyless,
        settings.keyless_hosts,
        proxies=settings.forwarded_allow_ips,
        quotas=_quotas(settings),
    )
    # Of the threads that carry out commands, so that those are never all kept waiting.
    places = ConcurrencyLimit(max(1, settings.threads // 2))
    policy = partial(policies.show, POLICY_ID)
    directory = Directory(opened.views, wanted, places.taken, policy)
    return Services(
        bus,
        merging,
        carriers,
        policies,
        mappings,
        store,
        telemetry,
        uuid4,
        access,
        opened.feed,
        tail,
        directory,
        Audit(opened.feed, store, JsonCodec(), places.taken),
        SqliteSeenKeys,
        closing.close,
        Operations(opened.keys, opened.views, clock, partial(examine, settings)),
        tracer,
    )


def _nobody() -> None:
    """Wakes nobody: whoever follows, elsewhere, polls."""


def _merging(
    carriers: CarrierRepository, policies: PolicyRepository, feed: Feed, telemetry: Telemetry
) -> Merging:
    prepare = in_turn(
        SecondPerson(carriers, policies).prepared, Vettings(carriers, policies, feed).prepared
    )
    return Merging(carriers, prepare, telemetry)


def _bus(
    merging: Merging,
    policies: PolicyRepository,
    mappings: ColumnMappingsRepository,
    telemetry: Telemetry,
    tracer: Tracer,
) -> CommandBus[CommandDone]:
    table = merging.table()
    table |= Handlers(policies, POLICY_DECLARATIONS).table()
    table |= Handlers(mappings, MAPPING_DECLARATIONS).table()
    if not tracer.is_on:
        return CommandBus(table, telemetry)
    return TracedCommandBus(table, telemetry, tracer)


def _quotas(settings: Settings) -> Quotas:
    chosen = {KEY: settings.key_quota, ADDRESS: settings.address_quota}
    by_kind = {kind: Quota(*quota) for kind, quota in chosen.items() if quota}
    return Quotas(shared_quotas.of_this_server(), by_kind)


def build_projectors(stores: Stores) -> list[Projector]:
    """A projector for each projection."""
    return [
        Projector(projection, stores.feed, stores.views, stores.events, JsonCodec())
        for projection in PROJECTIONS.values()
    ]


def build_follower(
    stores: Stores,
    poll_seconds: float = IDLE_SECONDS,
    gather_seconds: float = GATHER_SECONDS,
    *,
    merges: UnfinishedMerges | None = None,
    keeps_up: bool = True,
    tracer: Tracer = NO_TRACING,
) -> Follower:
    """It keeps the views up, and on Cassandra the feed, and finishes `merges`; or it only makes
    those views that code of this release has not made yet. Not started. Where a sequencer has to be
    asked, that says how often to look."""
    views = [
        FollowedView(each, keeps_up=keeps_up, tracer=tracer) for each in build_projectors(stores)
    ]
    if not keeps_up:
        return Follower(views, None, poll_seconds, gather_seconds)
    if stores.sequencer is not None:
        poll_seconds = SEQUENCER_POLL_SECONDS
    return Follower(views, stores.sequencer, poll_seconds, gather_seconds, merges)


def build_unfinished_merges(
    stores: Stores, telemetry: Telemetry, settings: Settings
) -> UnfinishedMerges:
    """What looks for them, once no request can be at work on them any more."""
    carriers = CarrierRepository(stores.events, JsonCodec(), clock)
    # The steps that are left were decided on before: there is nothing to prepare.
    merging = Merging(carriers, as_it_is, telemetry)
    patience = settings.request_timeout + PATIENCE_SECONDS
    return UnfinishedMerges(stores.feed, JsonCodec(), merging.finish, patience)


def build_directory(stores: Stores) -> Directory:
    """Queries over the views, for a shell: nobody is woken to fill them."""
    policies = PolicyRepository(stores.events, JsonCodec(), clock)
    policy = partial(policies.show, POLICY_ID)
    return Directory(stores.views, lambda: None, ConcurrencyLimit(1).taken, policy)


@contextmanager
def dated_commands(
    settings: Settings,
) -> Iterator[tuple[Callable[[datetime, Command, CommandContext], CommandDone], FeedHead]]:
    """What carries out a command as if it were sent at a moment, UTC, and what reads the feed's
    head. Raises StoreUnavailable."""
    moments = [clock()]
    with ExitStack() as closing:
        telemetry = PrometheusTelemetry()
        stores = open_stores(settings, telemetry, closing, makes=True)

        def moment_of_the_command() -> datetime:
            return moments[-1]

        carriers = CarrierRepository(stores.events, JsonCodec(), moment_of_the_command)
        policies = PolicyRepository(stores.events, JsonCodec(), moment_of_the_command)
        mappings = ColumnMappingsRepository(stores.events, JsonCodec(), moment_of_the_command)
        merging = _merging(carriers, policies, stores.feed, telemetry)
        bus = _bus(merging, policies, mappings, telemetry, NO_TRACING)

        def dispatch(moment: datetime, command: Command, context: CommandContext) -> CommandDone:
            moments[:] = [moment]
            return bus.dispatch(command, context)

        yield dispatch, stores.feed.head


@contextmanager
def following(settings: Settings, wakes: SharedWakes | None = None) -> Iterator[None]:
    """Keep the views up, and on Cassandra the feed, for as long as this lasts.

    With `wakes` this process is the follower of a server, whose workers wake it: it waits for a
    store that is away. Another one polls, and gets StoreUnavailable as `build_services` says.
    """
    with ExitStack() as closing:
        tracer = build_tracer(settings)
        closing.callback(tracer.close)
        telemetry = PrometheusTelemetry()
        stores = open_stores(
            settings,
            telemetry,
            closing,
            makes=True,
            waits=wakes is not None,
            tracer=tracer,
        )
        merges = build_unfinished_merges(stores, telemetry, settings)
        if wakes is None:
            follower = build_follower(stores, FOLLOW_POLL_SECONDS, merges=merges, tracer=tracer)
        else:
            follower = build_follower(stores, IDLE_SECONDS, 0, merges=merges, tracer=tracer)
            is_over = threading.Event()
            closing.callback(is_over.set)
            listening = threading.Thread(
                target=wakes.listen, args=(follower.wake, is_over), name="wakes", daemon=True
            )
            listening.start()
        follower.start()
        closing.callback(follower.close)
        yield
