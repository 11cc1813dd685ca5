"""`carriers list`, `search` and `export`: the directory's queries on the command line.

command line → the API's query schema → Directory, in this process, over the store's views
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from app.api.resources.directory_csv import carriers_csv
from app.api.resources.representations import listed
from app.api.schemas.directory import DirectoryQuerySchema, FilterSchema
from app.application.deadline import Deadline
from app.application.directory.pages import Directory, Page
from app.application.directory.query import CARRIERS, Query
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import SORTS
from app.application.projections.carriers import FILTERS
from app.application.projections.follower import STEP_SECONDS, FollowedView
from app.application.projections.projector import Projector
from app.application.projections.status import status_of
from app.bootstrap import Stores, build_directory, build_projectors, opened_stores
from app.cli import options
from app.cli.csv_file import write_csv
from app.cli.errors import OPERATORS_EXIT_CODES, CarrierCommand
from app.cli.output import aligned, note, write, write_bytes
from config.settings import Settings

log = logging.getLogger(__name__)

CARRIERS_AT_ONCE = 100
"""The page size for queries of all carriers."""

CATCH_UP_SECONDS = 5.0
"""How long a query waits until the view holds the events that were appended before it."""

_ASK_EVERY_SECONDS = 0.02

_HEADING = ("CARRIER_ID", "STATE", "REGISTERED", "NAME", "EMAIL")

_FILTERS = (
    click.Option(["--state"], metavar="STATE,…", help="In any of these states."),
    click.Option(
        ["--country"], metavar="CODE,…", help="Works in any of these countries, or worldwide."
    ),
    click.Option(["--service"], metavar="NAME,…", help="Offers any of these services."),
    click.Option(["--identifier"], metavar="SCHEME:VALUE,…", help="Has any of these identifiers."),
    *(
        click.Option([f"--{each.name.replace('_', '-')}"], metavar=each.metavar, help=each.option)
        for each in FILTERS
    ),
    click.Option(["--missing"], metavar="KIND", help="Holds no document of this kind."),
    click.Option(
        ["--expiring-before"], metavar="DATE", help="A kind of its documents ends before this day."
    ),
    click.Option(
        ["--eligible-for"], metavar="CODE/SERVICE", help="Can be given such work, as DE/express."
    ),
    click.Option(["--customer"], metavar="NAME", help="With --eligible-for: for whom."),
    click.Option(["--on"], metavar="DATE", help="Asked for that day; today if not given."),
    click.Option(
        ["--sort"], metavar="ORDER", help=f"One of {', '.join(SORTS)}; {SORTS[0]} by default."
    ),
)
_PAGES = (
    click.Option(["--limit"], metavar="N", help="At most so many; 25 if not given."),
    click.Option(["--cursor"], metavar="TEXT", help="Go on where a page of the same query ended."),
    click.Option(["--all", "every"], is_flag=True, help="All pages, one after another."),
    options.AS_JSON,
)


def _run_list(
    settings: Settings,
    *,
    every: bool,
    as_json: bool,
    words: Sequence[str] = (),
    **given: str | None,
) -> None:
    asked = options.body_of({**given, "q": " ".join(words) or None})
    if every and "limit" in asked:
        raise click.UsageError("Give either --limit or --all, not both.")
    query: Query = options.loaded(DirectoryQuerySchema(), asked)
    with opened_directory(settings) as directory:
        if every:
            pages = pages_of(directory, replace(query, limit=CARRIERS_AT_ONCE), settings)
        else:
            pages = iter([directory.page(query, Deadline.after(settings.request_timeout))])
        _tell(pages, every=every, as_json=as_json)


def _tell(pages: Iterator[Page], *, every: bool, as_json: bool) -> None:
    if as_json:
        for part in _json_of(pages):
            write_bytes(part.encode())
        return
    heading = [_HEADING]
    for page in pages:
        rows = [*heading, *map(_row, page.rows)]
        if rows:
            write("\n".join(aligned(rows)))
        heading = []
        if page.next_cursor is not None and not every:
            write(f"There is more: --cursor {page.next_cursor}, or --all")


def _json_of(pages: Iterable[Page]) -> Iterator[str]:
    """All pages as one JSON object in the API's form, in parts, as it may be long."""
    before, cursor = '{"carriers": [', None
    for page in pages:
        cursor = page.next_cursor
        for body in page.rows:
            yield before + json.dumps(listed(body))
            before = ", "
    opening = before if before != ", " else ""
    yield f'{opening}], "next": {json.dumps(cursor)}}}\n'


def _row(body: Mapping[str, Any]) -> tuple[str, ...]:
    day, _, _ = body["registered_at"].partition("T")
    return (body["carrier_id"], body["state"], day, body["name"], body["email"])


def _run_export(
    settings: Settings, *, file: str | None, words: str | None, **given: str | None
) -> None:
    asked = options.body_of({**given, "q": words})
    query: Query = replace(options.loaded(FilterSchema(), asked), limit=CARRIERS_AT_ONCE)
    with opened_directory(settings) as directory:
        write_csv(carriers_csv(pages_of(directory, query, settings)), file)


def pages_of(directory: Directory, query: Query, settings: Settings) -> Iterator[Page]:
    """All pages of the query, each with its own time budget, by one policy."""
    query = directory.settled(query, Deadline.after(settings.request_timeout))
    cursor = query.cursor
    while True:
        deadline = Deadline.after(settings.request_timeout)
        page = directory.page(replace(query, cursor=cursor), deadline)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


def catch_up(settings: Settings) -> None:
    """Bring the view up to the feed's present head, as far as that is possible in a few seconds.
    Raises StoreUnavailable."""
    with opened_directory(settings):
        pass


@contextmanager
def opened_directory(settings: Settings) -> Iterator[Directory]:
    """The directory, with a view that is caught up: without a running service, this process has to
    update the view."""
    with opened_stores(settings) as stores:
        projectors = {each.name: each for each in build_projectors(stores)}
        deadline = Deadline.after(settings.request_timeout)
        behind = _caught_up(stores, projectors[CARRIERS], deadline)
        if behind:
            note(f"Warning: {behind:,} events are not in this list yet; try again.")
        yield build_directory(stores)


def _caught_up(stores: Stores, projector: Projector, deadline: Deadline) -> int:
    """Update the view up to the feed's present head, for a few seconds; return how many events it
    still lacks. A view that is not built yet is built to its end. On Cassandra only the service's
    sequencer adds events to the feed. Raises StoreUnavailable."""
    head = stores.feed.head(deadline)
    give_up = deadline.within(CATCH_UP_SECONDS)
    followed = FollowedView(projector, keeps_up=True)
    say = Deadline.after(CATCH_UP_SECONDS)
    while True:
        now = Deadline.after(STEP_SECONDS)
        status = status_of(projector.projection, stores.views, now)
        behind = head - status.checkpoint
        if status.is_made and (behind <= 0 or give_up.expired):
            return max(behind, 0)
        if say.expired:
            note(f"The list is being made: {status.checkpoint:,} of {head:,} events")
            say = Deadline.after(CATCH_UP_SECONDS)
        try:
            moved = followed.step(standing_by=False)
        except StoreUnavailable as error:
            if not status.is_made:
                raise
            # A view that can only be read still answers.
            log.warning("the view cannot be kept up: %s", error)
            return behind
        if not moved:  # the service was faster
            time.sleep(_ASK_EVERY_SECONDS)


def _command(
    name: str, text: str, run: Callable[..., None], params: Sequence[click.Parameter]
) -> click.Command:
    return CarrierCommand(
        name, help=text, params=list(params), callback=click.pass_obj(run), epilog=_EXIT_CODES
    )


_EXIT_CODES = OPERATORS_EXIT_CODES

COMMANDS = (
    _command(
        "list",
        "List carriers, page by page.\n\nThe filters are those of GET /carriers: all must hold, and"
        " of values separated by commas any will do.",
        _run_list,
        [*_FILTERS, *_PAGES],
    ),
    _command(
        "search",
        "Find carriers by prefixes of words.\n\nEach of the WORDS must begin a word of the name, of"
        " an alias, of the e-mail address or of an identifier.",
        _run_list,
        [click.Argument(["words"], nargs=-1, required=True), *_FILTERS, *_PAGES],
    ),
    _command(
        "export",
        "Write carriers as CSV, to FILE or stdout.\n\nFILE is replaced once all is written, and can"
        " be read by its owner only; docs/csv.md says how it is read back.",
        _run_export,
        [
            click.Argument(["file"], required=False, type=click.Path(dir_okay=False)),
            *_FILTERS,
            click.Option(["--words"], metavar="WORDS", help="As for `carriers search`."),
        ],
    ),
)
