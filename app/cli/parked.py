"""`carriers parked`: list parked streams, try them again, or discard the event that parks them.

command line → view store and projector of the settings, in this process, beside the workers' own
"""

from dataclasses import asdict
from typing import Any

import click

from app.application.deadline import Deadline
from app.application.operations import BAD_REASON, is_reason
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import Parked, View, ViewStore
from app.application.projections import PROJECTIONS
from app.application.projections.projector import Projector
from app.bootstrap import build_projectors, opened_stores
from app.cli.errors import (
    FAILED,
    INTERRUPTED,
    INVALID,
    NOT_FOUND,
    NOT_SAID,
    OPERATORS_EXIT_CODES,
    REFUSED,
    UNAVAILABLE,
    CarrierCommand,
    CliError,
    tell_done,
)
from app.cli.groups import CommandGroup
from app.cli.output import aligned, cell, printable, write_data
from config.settings import Settings

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
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {INTERRUPTED}  interrupted: the service carries the request out"""

_STREAM = click.argument("stream", metavar="STREAM")
_PROJECTION = click.option(
    "--projection",
    type=click.Choice(list(PROJECTIONS)),
    help="In this view only; without it, in every view where the stream is parked.",
)


@click.group(cls=CommandGroup)
def parked() -> None:
    """Streams with an event that a view cannot apply: list, retry, discard.

    The view shows such a stream's carrier as of before that event; other streams go on.
    """


@parked.command(name="list", cls=CarrierCommand, epilog=OPERATORS_EXIT_CODES)
@click.option("--discarded", is_flag=True, help="List the discarded events instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def list_(settings: Settings, *, discarded: bool, as_json: bool) -> None:
    """List parked streams: the event, the reason, and the last version that was not applied."""
    describe, names = (_discarded, _DISCARDED) if discarded else (_waiting, _WAITING)
    deadline = Deadline.after(settings.request_timeout)
    with opened_stores(settings) as stores:
        found = [
            each
            for projector in build_projectors(stores)
            if (view := projector.live(deadline)) is not None
            for each in describe(stores.views, view, deadline)
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
    """Apply the events of a parked STREAM again, such as after an upgrade that can read them."""
    _settle(settings, stream, projection, None)


@parked.command(cls=CarrierCommand, epilog=EXIT_CODES)
@_STREAM
@_PROJECTION
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept with the event's version.")
@click.pass_obj
def discard(settings: Settings, stream: str, projection: str | None, reason: str) -> None:
    """Discard the event at which a STREAM is parked, and go on with the next one.

    This is for good, in every later generation of the view too. The event stays in the stream and
    in the feed: only the view leaves it out.
    """
    reason = reason.strip()
    if not is_reason(reason):
        raise click.UsageError(f"--reason {BAD_REASON}.")
    _settle(settings, stream, projection, reason)


def _settle(settings: Settings, stream: str, projection: str | None, reason: str | None) -> None:
    """Retry or, with a reason, discard in each view that parks the stream; write the result."""
    deadline = Deadline.after(PATIENCE_SECONDS)
    done: list[str] = []
    again: list[str] = []
    with opened_stores(settings) as stores:
        for projector in build_projectors(stores):
            if projection in (None, projector.name):
                view = projector.live(deadline)
                was = view and stores.views.progress(view, deadline).parked.get(stream)
                if view and was:
                    now = _settled(stores.views, projector, view, was, reason, deadline)
                    (done if now is None else again).append(_came_of_it(view, was, now, reason))
    if not done and not again:
        raise CliError(NOT_FOUND, "There is no such parked stream; see `carriers parked list`")
    if again:
        raise CliError(REFUSED, *again, table=list(map(printable, done)))
    tell_done("\n".join(map(printable, done)))


def _settled(
    views: ViewStore,
    projector: Projector,
    view: View,
    was: Parked,
    reason: str | None,
    deadline: Deadline,
) -> Parked | None:
    """The parked stream after the projector has carried out the request; None if it is no longer
    parked."""
    now = views.request(view, was.stream, reason, deadline)
    while now is not None and (now.retry or now.discard is not None):
        try:
            # The service's projectors may carry it out first.
            projector.step(view, deadline, limit=1)
            now = views.progress(view, deadline).parked.get(was.stream)
        except StoreUnavailable as error:
            raise CliError(
                UNAVAILABLE, f"The request is stored, and the service will do it; here: {error}"
            ) from error
    return now


def _came_of_it(view: View, was: Parked, now: Parked | None, reason: str | None) -> str:
    name = f"{view.name}: {was.stream}"
    if now is None:
        without = "" if reason is None else f", without version {was.version}"
        return f"{name} is followed again{without}"
    helped = reason is not None and now.version > was.version
    without = f" without version {was.version}" if helped else ""
    return f"{name} is parked{without} at version {now.version}: {now.reason}"


_WAITING = ("projection", "stream", "version", "through_version", "position", "asked", "reason")
_DISCARDED = ("projection", "stream", "version", "reason")


def _waiting(views: ViewStore, view: View, deadline: Deadline) -> list[dict[str, Any]]:
    """The parked streams, in the order of the feed."""
    found = views.progress(view, deadline).parked.values()
    return [
        {
            "projection": view.name,
            "stream": each.stream,
            "version": each.version,
            "through_version": each.through_version,
            "position": each.position,
            "asked": "discard" if each.discard is not None else "retry" if each.retry else None,
            "reason": each.reason,
        }
        for each in sorted(found, key=lambda each: each.position)
    ]


def _discarded(views: ViewStore, view: View, deadline: Deadline) -> list[dict[str, Any]]:
    """The discarded events, by stream and version."""
    found = views.discarded(view, deadline)
    return [
        {"projection": view.name, **asdict(each)}
        for each in sorted(found, key=lambda each: (each.stream, each.version))
    ]


COMMANDS = (parked,)
