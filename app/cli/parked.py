"""`carriers parked`: streams that a view has stopped following, and how they get on.

words → view store and projector of the settings, in this process, beside the workers' own
"""

from dataclasses import asdict
from typing import Any

import click

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.application.projections import PROJECTIONS
from app.application.projections.projector import Projector
from app.application.views import Parked, View, ViewStore
from app.bootstrap import build_projectors, opened_stores
from app.cli.endings import (
    FAILED,
    INTERRUPTED,
    INVALID,
    NOT_FOUND,
    OPERATORS_EXIT_CODES,
    REFUSED,
    UNAVAILABLE,
    CarrierCommand,
    Ending,
)
from app.cli.output import aligned, cell, printable, write, write_data
from config.settings import Settings

LONGEST_REASON = 500
PATIENCE_SECONDS = 60.0

# \b keeps click from joining the lines.
EXIT_CODES = f"""\b
Exit codes:
  0    done: the views follow the stream again
  {FAILED}    a defect
  {INVALID}    wrong usage or settings
  {NOT_FOUND}    there is no such parked stream
  {REFUSED}    tried, and the stream is parked again: the sentence says why
  {UNAVAILABLE}    the store cannot be reached
  {INTERRUPTED}  interrupted: what was asked for is done by the service"""

_STREAM = click.argument("stream", metavar="STREAM")
_PROJECTION = click.option(
    "--projection",
    type=click.Choice(list(PROJECTIONS)),
    help="In this view only; in all where it is parked if not given.",
)


@click.group()
def parked() -> None:
    """Streams with an event that a view cannot apply: list, retry, discard.

    Such a stream is shown as it was before that event; all others go on.
    """


@parked.command(name="list", cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--discarded", is_flag=True, help="List the events that are left out instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def list_(settings: Settings, *, discarded: bool, as_json: bool) -> None:
    """List parked streams: at which event, why, and the last version that has gone by since."""
    describe, names = (_left_out, _LEFT_OUT) if discarded else (_waiting, _WAITING)
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        found = [
            each
            for projector in build_projectors(stores)
            for each in describe(stores.views, projector.live(deadline), deadline)
        ]
    rows = [tuple(map(str.upper, names))]
    rows += [tuple(cell(each[name]) for name in names) for each in found]
    what = "discarded" if discarded else "parked"
    write_data({what: found}, aligned(rows), as_json=as_json)


@parked.command(cls=CarrierCommand, epilog=EXIT_CODES)
@_STREAM
@_PROJECTION
@click.pass_obj
def retry(settings: Settings, stream: str, projection: str | None) -> None:
    """Try to apply what a parked STREAM waits with: after an upgrade that can read it, say."""
    _settle(settings, stream, projection, None)


@parked.command(cls=CarrierCommand, epilog=EXIT_CODES)
@_STREAM
@_PROJECTION
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept with the event's version.")
@click.pass_obj
def discard(settings: Settings, stream: str, projection: str | None, reason: str) -> None:
    """Leave the event out that a parked STREAM waits at, and go on with the next one.

    For good, in every later generation of the view too. The event stays in the stream and in the
    feed: only the view does without it.
    """
    reason = reason.strip()
    if not (reason.isprintable() and 0 < len(reason) <= LONGEST_REASON):
        raise click.UsageError(
            f"--reason must be 1 to {LONGEST_REASON} characters, all of them printable."
        )
    _settle(settings, stream, projection, reason)


def _settle(settings: Settings, stream: str, projection: str | None, reason: str | None) -> None:
    """Ask for it in the views where the stream is parked, have it done, and say what came of it."""
    deadline = Deadline.after(PATIENCE_SECONDS)
    done: list[str] = []
    again: list[str] = []
    with opened_stores(settings) as stores:
        for projector in build_projectors(stores):
            if projection in (None, projector.name):
                view = projector.live(deadline)
                was = stores.views.progress(view, deadline).parked.get(stream)
                if was is not None:
                    now = _settled(stores.views, projector, view, was, reason, deadline)
                    (done if now is None else again).append(_came_of_it(view, was, now, reason))
    if not done and not again:
        raise Ending(NOT_FOUND, "There is no such parked stream; see `carriers parked list`")
    if done:
        write("\n".join(map(printable, done)))
    if again:
        raise Ending(REFUSED, *again)


def _settled(
    views: ViewStore,
    projector: Projector,
    view: View,
    was: Parked,
    reason: str | None,
    deadline: Deadline,
) -> Parked | None:
    """Where the stream is parked once the projector has done what is asked for; None: nowhere."""
    now = views.request(view, was.stream, reason, deadline)
    while now is not None and (now.retry or now.discard is not None):
        try:
            # The service's projectors may be faster, or do it all by themselves.
            projector.step(view, deadline, limit=1)
            now = views.progress(view, deadline).parked.get(was.stream)
        except StoreUnavailable as error:
            raise Ending(
                UNAVAILABLE, f"It is asked for, and the service will do it; here: {error}"
            ) from error
    return now


def _came_of_it(view: View, was: Parked, now: Parked | None, reason: str | None) -> str:
    name = f"{view.projection}: {was.stream}"
    if now is None:
        without = "" if reason is None else f", without version {was.version}"
        return f"{name} is followed again{without}"
    helped = reason is not None and now.version > was.version
    without = f" without version {was.version}" if helped else ""
    return f"{name} is parked{without} at version {now.version}: {now.reason}"


_WAITING = ("projection", "stream", "version", "upto", "position", "asked", "reason")
_LEFT_OUT = ("projection", "stream", "version", "reason")


def _waiting(views: ViewStore, view: View, deadline: Deadline) -> list[dict[str, Any]]:
    """What is parked, in the order of the feed."""
    found = views.progress(view, deadline).parked.values()
    return [
        {
            "projection": view.projection,
            "stream": each.stream,
            "version": each.version,
            "upto": each.upto,
            "position": each.position,
            "asked": "discard" if each.discard is not None else "retry" if each.retry else None,
            "reason": each.reason,
        }
        for each in sorted(found, key=lambda each: each.position)
    ]


def _left_out(views: ViewStore, view: View, deadline: Deadline) -> list[dict[str, Any]]:
    """What was discarded, by stream and version."""
    found = views.discarded(view, deadline)
    return [
        {"projection": view.projection, **asdict(each)}
        for each in sorted(found, key=lambda each: (each.stream, each.version))
    ]
