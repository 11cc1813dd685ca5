"""`carriers feed`: the order of all events, and the process that keeps it and the views up.

words → the feed of the settings' store, in this process
"""

import logging
import signal

import click

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.bootstrap import adopt_streams, following, opened_stores
from app.cli.endings import OPERATORS_EXIT_CODES, UNAVAILABLE, CarrierCommand, Ending
from app.cli.output import aligned, write, write_data
from app.infrastructure import json_logging
from config.settings import Settings

log = logging.getLogger("app.feed")

_STOPS = {signal.SIGTERM, signal.SIGINT}


@click.group()
def feed() -> None:
    """The one order of all events of all carriers."""


@feed.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(settings: Settings, *, as_json: bool) -> None:
    """Show the feed's last position; on Cassandra also how many appends have none yet."""
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        found: dict[str, int | str] = {
            "store": settings.event_store,
            "head": stores.feed.head(deadline),
        }
        if stores.feed_lag is not None:
            found |= stores.feed_lag(deadline)._asdict()
    lines = aligned([(name, str(value)) for name, value in found.items()])
    write_data(found, lines, as_json=as_json)


@feed.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.pass_obj
def adopt(settings: Settings) -> None:
    """Bring streams into the feed that were appended before there was one.

    Once, after an upgrade or on the registry of the original system, while the service runs. Can
    be broken off and repeated.
    """
    if settings.event_store == "sqlite":
        write("There is nothing to do: on SQLite every event has its place in the feed.")
        return
    looked_at = adopted = 0
    try:
        for looked_at, adopted in adopt_streams(settings):
            click.echo(f"{looked_at:,} streams looked at, {adopted:,} adopted", err=True)
    except StoreUnavailable as error:
        raise Ending(
            UNAVAILABLE, f"The store failed: {error}", "What was adopted stays so; run it again"
        ) from error
    write(f"{adopted:,} of {looked_at:,} streams were adopted.")


@feed.command()
@click.pass_obj
def follow(settings: Settings) -> None:
    """Keep the feed and the views up, until SIGTERM or SIGINT.

    Every worker of the service does so too. With WORKERS_FOLLOW=false they leave it to processes
    of this command: one is enough, two are safe and survive one another.
    """
    # Before there are threads, so that the signal waits for the main one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    json_logging.configure(settings.app_log_level, settings.log_dir)
    try:
        with following(settings):
            log.info("following the feed of the %s store", settings.event_store)
            stop = signal.Signals(signal.sigwait(_STOPS))
            log.info("stopping: %s", stop.name)
    except StoreUnavailable as error:
        raise click.ClickException(f"The store cannot be opened: {error}") from error
