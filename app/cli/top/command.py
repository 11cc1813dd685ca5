"""`carriers top`: the command, which reads the figures again and again."""

import math
import time

import click

from app.cli.errors import UNAVAILABLE, CarrierCommand, CliError
from app.cli.exit_codes import TOP_EXIT_CODES
from app.cli.top.displays import Display, page_of_terminal, plain
from app.cli.top.reading import Reading
from app.cli.top.screen import ended_by_signals, is_terminal
from app.cli.top.source import NoReading, Source
from app.cli.top.summary import summary
from config.settings import Settings

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens there


def _number(_: click.Context, __: click.Parameter, given: float) -> float:
    """The value, unless it is `nan`, which click has in every range."""
    if math.isnan(given):
        raise click.BadParameter("nan is no number of seconds")
    return given


@click.command(cls=CarrierCommand, epilog=TOP_EXIT_CODES)
@click.option(
    "--url", metavar="URL", help="The service's; by default that of HOST and PORT in the settings."
)
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    callback=_number,
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two readings.",
)
@click.option("--once", is_flag=True, help="Show one interval, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def top(settings: Settings, url: str | None, interval: float, *, once: bool, as_json: bool) -> None:
    """Show what a running service does: rates, lag, slowest routes.

    It reads GET /metrics, which needs no key, and shows what happened between two readings. In a
    terminal it draws over the same page, until q or Ctrl-C ends it; elsewhere it prints lines for
    each interval. A line that begins with ! needs a look: docs/operations.md says what to do.
    """
    source = _source(settings, url)
    if once:
        with plain(as_json=as_json) as display:
            _show_once(source, interval, display)
        return
    with ended_by_signals():
        first = _first(source)
        drawn = is_terminal() and not as_json
        with page_of_terminal(interval) if drawn else plain(as_json=as_json) as display:
            _show_until_stopped(source, first, interval, display)


def _source(settings: Settings, url: str | None) -> Source:
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    own = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    try:
        return Source(own if url is None else url)
    except ValueError as error:
        raise click.BadParameter(f"{url}: {error}", param_hint="--url") from error


def _first(source: Source) -> Reading:
    """The first reading. Without one the URL may be wrong: that ends the command."""
    try:
        return source.read()
    except NoReading as error:
        raise CliError(UNAVAILABLE, str(error)) from error


def _show_once(source: Source, interval: float, display: Display) -> None:
    before = _first(source)
    display.wait(interval)
    display.show(summary(source.url, before, _first(source)))


def _show_until_stopped(source: Source, before: Reading, interval: float, display: Display) -> None:
    display.begin(summary(source.url, None, before))
    due = before.at
    while True:
        now = time.monotonic()
        due = max(due + interval, now)  # after a slow answer the next one is asked for at once
        display.wait(due - now)
        try:
            after = source.read()
        except NoReading as error:
            display.fail(str(error))
        else:
            display.show(summary(source.url, before, after))
            before = after
