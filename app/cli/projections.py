"""`carriers projections`: the views' status, rebuilds, and removal of other releases' views.

command line → projector and view store of the settings, in this process, beside the workers' own
"""

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.projections import PROJECTIONS
from app.application.projections.projector import Projector
from app.application.projections.rebuild import PAUSE_SECONDS, Rebuilt, drop, rebuild
from app.application.projections.status import ViewStatus, status_by_key, views_of_other_releases
from app.bootstrap import Stores, build_projectors, opened_stores
from app.cli.errors import (
    OPERATORS_EXIT_CODES,
    UNAVAILABLE,
    CarrierCommand,
    CliError,
    not_said,
    tell_done,
)
from app.cli.groups import CommandGroup
from app.cli.output import NotWritten, aligned, cell, note, write, write_data
from config.settings import Settings

STEP_SECONDS = 60.0
"""The time limit of one step of a rebuild."""

SAY_EVERY_SECONDS = 5.0

LONGEST_PAUSE_SECONDS = 3600.0

Say = Callable[[int, int], None]


@click.group(cls=CommandGroup)
def projections() -> None:
    """The views that answer queries: show their progress, rebuild them."""


@projections.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(settings: Settings, *, as_json: bool) -> None:
    """Show how far each view is behind the feed, and how many streams are parked.

    A view's name has the version of the projection that makes it. Views of other releases are
    shown until they are removed: see `prune`.
    """
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        ours = [projection.key for projection in PROJECTIONS.values()]
        others = views_of_other_releases(stores.views, deadline)
        # The head is read last, so that no view is ahead of it.
        found = [status_by_key(key, stores.views, deadline) for key in (*ours, *others)]
        head = stores.feed.head(deadline)
    shown = [_shown(each, head, ours=each.key in ours) for each in found]
    rows = [tuple(map(cell, each.values())) for each in shown]
    heading = tuple(name.replace("_", " ").upper() for name in shown[0])
    lines = [*aligned([heading, *rows]), f"The feed's head is {head}.", *_being_made(found, ours)]
    write_data({"head": head, "projections": shown}, lines, as_json=as_json)


def _shown(status: ViewStatus, head: int, *, ours: bool) -> dict[str, Any]:
    return {
        "projection": status.key,
        "release": "this one" if ours else "another",
        "live": status.live,
        "checkpoint": status.checkpoint,
        "lag": max(0, head - status.checkpoint),
        "parked": status.parked,
        "discarded": status.discarded,
        "building": status.building,
        "built_up_to": status.built_up_to,
    }


def _being_made(found: Sequence[ViewStatus], ours: Sequence[str]) -> Iterator[str]:
    for each in found:
        if each.key in ours and not each.is_made:
            yield f"{each.key} is not built yet: queries wait for it, and the service builds it."


@projections.command(cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune(settings: Settings, *, yes: bool) -> None:
    """Remove the views that other releases have made, once no process of them runs.

    A process of another release that still runs would rebuild its views. No carrier is lost, as
    views are derived from the feed.
    """
    with opened_stores(settings) as stores:
        others = views_of_other_releases(stores.views, Deadline.after(settings.request_timeout))
        if not others:
            write("There are no views of other releases.")
            return
        if not yes:
            click.confirm(f"Remove the views {', '.join(others)}?", abort=True, err=True)
        removed = []
        for key in others:
            kept = stores.views.abandon(key, Deadline.after(STEP_SECONDS))
            for view in kept:
                drop(stores.views, view, lambda: Deadline.after(STEP_SECONDS))
            removed.append(f"{key}: {len(kept)} generations removed")
        tell_done("\n".join(removed))


def _number(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """Refuse NaN, which click's range accepts."""
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
    help="How long queries may go on reading the former view before it is dropped; a query that"
    " takes longer starts over on the new one.",
)
@click.pass_obj
def rebuild_(settings: Settings, names: tuple[str, ...], pause: float) -> None:
    """Rebuild views beside the live ones, compare the two, and swap them.

    Queries are answered all the while. It can be killed at any point: run again, it continues.
    """
    if not names:
        raise click.UsageError(f"Name what to rebuild: {' or '.join(PROJECTIONS)}.")
    collect_garbage_rarely()
    # Before the work, as a kill leaves no time for it.
    note("This can be interrupted at any time: run again, it continues.")
    with opened_stores(settings) as stores:
        projectors = {each.name: each for each in build_projectors(stores)}
        unsaid: list[str] = []
        failure: NotWritten | None = None
        for name in dict.fromkeys(names):
            lines = _rebuild(stores, projectors[name], pause)
            try:
                if failure is None:
                    write("\n".join(lines))
            except NotWritten as error:
                failure = error
            if failure is not None:
                unsaid += lines
    if failure is not None:
        raise not_said(failure, unsaid)


def collect_garbage_rarely() -> None:
    """Run Python's cyclic garbage collector rarely. A rebuild makes many small objects without
    cycles and keeps some for long, which the collector would scan again and again. Measured: 19 to
    37 % more events a second."""
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 1000)


def _rebuild(stores: Stores, projector: Projector, pause: float) -> list[str]:
    """Rebuild a view; return the result in lines."""
    name = projector.name
    pace = _Pace()
    showing = ExitStack()

    def wait(seconds: float) -> None:
        if pace.has_begun:
            showing.close()
            note(f"{name}: swapped; the former view is dropped in {seconds:g} s")
        else:
            note(f"{name}: a generation that another run left is dropped in {seconds:g} s")
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
        raise CliError(
            UNAVAILABLE, f"The store failed: {error}", "Run it again: it continues from there"
        ) from error
    return list(_outcome(name, built, pace, parked))


class _Pace:
    """How many events this run has applied, and how fast."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def at(self, position: int) -> None:
        """The run has reached this position."""
        # Only the first mark and the last one are kept.
        self._marks[1:] = [(time.monotonic(), position)]

    @property
    def has_begun(self) -> bool:
        """Whether the run has reached a position."""
        return bool(self._marks)

    def __str__(self) -> str:
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        events, seconds = last - first, max(ended - began, 0.001)
        return f"{events:,} events in {seconds:.1f} s, {events / seconds:,.0f} events/s"


def _outcome(name: str, built: Rebuilt, pace: _Pace, parked: int) -> Iterator[str]:
    former = built.view.generation - 1
    yield f"{name}: built up to position {built.checkpoint:,}: {pace}"
    if former == 0:
        yield f"{name}: there was no former generation to compare it with"
    elif built.differences is None:
        yield f"{name}: not compared with generation {former}: events kept coming in"
    else:
        yield (
            f"{name}: compared with generation {former} at the same position:"
            f" {built.differences} rows and counts differ"
        )
    yield f"{name}: generation {built.view.generation} is live now"
    if parked:
        yield f"{name}: {parked} streams are parked: see `carriers parked list`"


@contextmanager
def _bar(name: str) -> Iterator[Say]:
    """Show progress as a bar, on a terminal."""
    with click.progressbar(length=1, label=name, file=sys.stderr, show_pos=True) as bar:

        def say(at: int, head: int) -> None:
            bar.length = max(head, 1)
            bar.update(at - bar.pos)

        yield say


def _in_lines(name: str) -> Say:
    """Show progress as a line every `SAY_EVERY_SECONDS`."""
    due = time.monotonic()

    def say(at: int, head: int) -> None:
        nonlocal due
        if time.monotonic() >= due or at >= head:
            due = time.monotonic() + SAY_EVERY_SECONDS
            note(f"{name}: {at:,} of {head:,} events")

    return say


COMMANDS = (projections,)
