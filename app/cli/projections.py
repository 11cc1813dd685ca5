"""`carriers projections`: how far the views are, and how they are made anew.

words → projector and view store of the settings, in this process, beside the workers' own
"""

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.application.projections import PROJECTIONS
from app.application.projections.projector import Projector
from app.application.projections.rebuild import PAUSE_SECONDS, Rebuilt, rebuild
from app.application.views import View
from app.bootstrap import Stores, build_projectors, opened_stores
from app.cli.endings import OPERATORS_EXIT_CODES, UNAVAILABLE, CarrierCommand, Ending
from app.cli.output import aligned, cell, write, write_data
from config.settings import Settings

STEP_SECONDS = 60.0
"""What one step of a rebuild may take."""

SAY_EVERY_SECONDS = 5.0

LONGEST_PAUSE_SECONDS = 3600.0

Say = Callable[[int, int], None]


@click.group()
def projections() -> None:
    """The views that answer queries: how far they are, and how to make them anew."""


@projections.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(settings: Settings, *, as_json: bool) -> None:
    """Show how far each view is behind the feed, and what is parked."""
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        # The head last: no view can be ahead of it.
        standings = [_standing(stores, name, deadline) for name in PROJECTIONS]
        head = stores.feed.head(deadline)
    for each in standings:
        each["lag"] = head - each["checkpoint"]
    rows = [tuple(map(cell, each.values())) for each in standings]
    heading = tuple(name.replace("_", " ").upper() for name in standings[0])
    lines = [*aligned([heading, *rows]), f"The feed's head is {head}."]
    write_data({"head": head, "projections": standings}, lines, as_json=as_json)


def _standing(stores: Stores, name: str, deadline: Deadline) -> dict[str, Any]:
    generations = stores.views.generations(name, deadline)
    live = stores.views.progress(View(name, generations.live), deadline)
    building = generations.building
    built = building and stores.views.progress(View(name, building), deadline).checkpoint
    return {
        "projection": name,
        "live": generations.live,
        "checkpoint": live.checkpoint,
        "lag": 0,
        "parked": len(live.parked),
        "discarded": len(live.discarded),
        "building": building,
        "built_up_to": built,
    }


def _number(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """A range lets NaN through."""
    if math.isnan(value):
        raise click.BadParameter("it is not a number.")
    return value


@projections.command(name="rebuild", cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.argument("names", metavar="NAME...", type=click.Choice(list(PROJECTIONS)), nargs=-1)
@click.option(
    "--pause",
    type=click.FloatRange(0, LONGEST_PAUSE_SECONDS),
    default=PAUSE_SECONDS,
    callback=_number,
    show_default=True,
    metavar="SECONDS",
    help="How long those have who still read the former view, before it is dropped; at least 2"
    " while the service runs.",
)
@click.pass_obj
def rebuild_(settings: Settings, names: tuple[str, ...], pause: float) -> None:
    """Make views anew beside those that readers are given, compare, and put them in their place.

    Readers notice nothing. It can be broken off anywhere, even by kill -9: run again, it goes on.
    """
    if not names:
        raise click.UsageError(f"Name what to rebuild: {' or '.join(PROJECTIONS)}.")
    collect_garbage_rarely()
    # Said beforehand: a kill leaves no time for it.
    click.echo("This can be broken off at any time: run again, it goes on.", err=True)
    with opened_stores(settings) as stores:
        projectors = {each.name: each for each in build_projectors(stores)}
        for name in dict.fromkeys(names):
            _rebuild(stores, projectors[name], pause)


def collect_garbage_rarely() -> None:
    """A rebuild makes many small objects that are in no cycle, and keeps some for long: by default
    the collector looks at those again and again. Measured: 19 to 37 % more events a second."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


def _rebuild(stores: Stores, projector: Projector, pause: float) -> None:
    name = projector.name
    pace = _Pace()
    showing = ExitStack()

    def wait(seconds: float) -> None:
        if pace.has_begun:
            showing.close()
            click.echo(f"{name}: swapped; the former view is dropped in {seconds:g} s", err=True)
        else:
            click.echo(f"{name}: what a run left is dropped in {seconds:g} s", err=True)
        time.sleep(seconds)

    try:
        with showing:
            say = _in_lines(name)

            def progressed(at: int, head: int) -> None:
                nonlocal say
                if not pace.has_begun and sys.stderr.isatty():
                    say = showing.enter_context(_bar(name))
                pace.at(at)
                say(at, head)

            built = rebuild(
                projector,
                stores.views,
                stores.feed,
                lambda: Deadline.after(STEP_SECONDS),
                progressed,
                wait,
                pause,
                stores.rebuild_batch,
            )
        parked = len(stores.views.progress(built.view, Deadline.after(STEP_SECONDS)).parked)
    except StoreUnavailable as error:
        raise Ending(
            UNAVAILABLE, f"The store failed: {error}", "Run it again: it goes on from there"
        ) from error
    write("\n".join(_outcome(built, pace, parked)))


class _Pace:
    """How many events were taken in by this run, and how fast."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def at(self, position: int) -> None:
        """It has come to there."""
        # Of all marks the first one is kept, and the last.
        self._marks[1:] = [(time.monotonic(), position)]

    @property
    def has_begun(self) -> bool:
        """Whether it has come anywhere."""
        return bool(self._marks)

    def __str__(self) -> str:
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        events, seconds = last - first, max(ended - began, 0.001)
        return f"{events:,} events in {seconds:.1f} s, {events / seconds:,.0f} events/s"


def _outcome(built: Rebuilt, pace: _Pace, parked: int) -> Iterator[str]:
    name, former = built.view.projection, built.view.generation - 1
    yield f"{name}: taken in up to position {built.checkpoint:,}: {pace}"
    if built.differences is None:
        yield f"{name}: not compared with generation {former}: events kept coming in"
    else:
        yield (
            f"{name}: compared with generation {former} at one and the same position:"
            f" {built.differences} rows and counts differ"
        )
    yield f"{name}: readers are given generation {built.view.generation} now"
    if parked:
        yield f"{name}: {parked} streams are parked: see `carriers parked list`"


@contextmanager
def _bar(name: str) -> Iterator[Say]:
    """On a terminal."""
    with click.progressbar(length=1, label=name, file=sys.stderr, show_pos=True) as bar:

        def say(at: int, head: int) -> None:
            bar.length = max(head, 1)
            bar.update(at - bar.pos)

        yield say


def _in_lines(name: str) -> Say:
    """Now and then."""
    due = time.monotonic()

    def say(at: int, head: int) -> None:
        nonlocal due
        if time.monotonic() >= due or at >= head:
            due = time.monotonic() + SAY_EVERY_SECONDS
            click.echo(f"{name}: {at:,} of {head:,} events", err=True)

    return say
