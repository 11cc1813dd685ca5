"""`carriers feed`: the feed's status, a new feed id, backfill, and the follower as a process.

command line → the feed of the configured store, in this process
"""

import logging
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import click

from app.application.access.sessions import end_all_sessions
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.bootstrap import backfill_streams, clock, following, opened_stores
from app.cli.errors import (
    OPERATORS_EXIT_CODES,
    UNAVAILABLE,
    UNKNOWN,
    CarrierCommand,
    CliError,
    tell_done,
)
from app.cli.groups import CommandGroup
from app.cli.output import aligned, note, write, write_data
from app.infrastructure.observability import json_logging
from config.settings import Settings

log = logging.getLogger("app.feed")

_RENEWS_EXIT_CODES = f"""{OPERATORS_EXIT_CODES}
  {UNKNOWN}    it could not be found out whether it was done: run it again"""

_STOPS = {signal.SIGTERM, signal.SIGINT}


@click.group(cls=CommandGroup)
def feed() -> None:
    """The one order of all events of all carriers."""


@feed.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(settings: Settings, *, as_json: bool) -> None:
    """Show the feed's id and last position; on Cassandra also how many appends have no position."""
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        now = stores.feed.standing(deadline)
        found: dict[str, int | str] = {
            "store": settings.event_store,
            "feed": now.feed,
            "head": now.head,
        }
        if stores.feed_lag is not None:
            found |= stores.feed_lag(deadline)._asdict()
    lines = aligned([(name, str(value)) for name, value in found.items()])
    write_data(found, lines, as_json=as_json)


@feed.command(cls=CarrierCommand, epilog=_RENEWS_EXIT_CODES)
@click.confirmation_option(
    prompt="All subscribers begin anew afterwards. Give the feed another id?"
)
@click.pass_obj
def renew(settings: Settings) -> None:
    """Give the feed another id, after its store was restored from a copy by hand.

    Do this before the service is started: the positions that subscribers have kept may belong to
    other events now. With another id, subscribers get 410 and begin anew. The views are dropped,
    as they may be of other events, and the service rebuilds them. Sessions of the desk end, as a
    copy does not know which were ended since. `carriers restore` does all this.
    """
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        # The id last: rebuilding a view, or signing in again, needlessly does no harm.
        for key in stores.views.projections(deadline):
            stores.views.abandon(key, deadline)
        end_all_sessions(stores.keys, clock(), deadline)
        feed_id = stores.feed.renew(deadline)
    tell_done(f"The feed is {feed_id} from now on; the service rebuilds the views.")


@feed.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.pass_obj
def backfill(settings: Settings) -> None:
    """Bring streams into the feed whose events were appended before there was one.

    Once, after an upgrade or on the original registry, while the service runs. Can be broken off
    and repeated.
    """
    if settings.event_store == "sqlite":
        write("There is nothing to backfill: on SQLite every event has its position in the feed.")
        return
    looked_at = backfilled = 0
    try:
        for looked_at, backfilled in backfill_streams(settings):
            note(f"{looked_at:,} streams looked at, {backfilled:,} backfilled")
    except StoreUnavailable as error:
        raise CliError(
            UNAVAILABLE, f"The store failed: {error}", "What was backfilled stays so; run it again"
        ) from error
    tell_done(f"{backfilled:,} of {looked_at:,} streams were backfilled.")


@feed.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.pass_obj
def follow(settings: Settings) -> None:
    """Keep the feed and the views up to date, until SIGTERM or SIGINT.

    The service has a process that does this, its follower. With FOLLOWER=false it leaves it to
    processes of this command: one is enough, and with two one can fail.
    """
    json_logging.configure(settings.app_log_level, settings.log_dir)
    try:
        # Before threads are started, so that they inherit the mask and none of them is interrupted.
        with _blocked(_STOPS), following(settings):
            log.info("following the feed of the %s store", settings.event_store)
            stop = signal.Signals(signal.sigwait(_STOPS))
            log.info("stopping: %s", stop.name)
    except StoreUnavailable as error:
        raise CliError(UNAVAILABLE, f"The store cannot be opened: {error}") from error


@contextmanager
def _blocked(signals: Collection[signal.Signals]) -> Iterator[None]:
    """Keep these for `sigwait`; let them through again in the end, as children inherit that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        while signal.sigtimedwait(signals, 0):
            pass  # `timeout` sends its signal twice: the second one must not look like a crash
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


COMMANDS = (feed,)
