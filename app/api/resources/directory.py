"""The directory's addresses: which carriers there are, page by page or as one file, and how many.

All of it comes from views, which follow the events; the Consistency-Token of a command's answer
makes a query wait for what that command wrote.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2s
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import BadRequest

from app.api.http.contract import IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.http.csv_file import CUT_SHORT, budgets, csv_file, refuse_http_1_0
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.resources import representations as shown
from app.api.resources.directory_csv import COLUMNS, carriers_csv
from app.api.schemas.directory import (
    DirectoryQuerySchema,
    DirectorySchema,
    FilterSchema,
    StatisticsQuerySchema,
    StatisticsSchema,
)
from app.application.consistency import BadToken, Token, token_in
from app.application.deadline import Deadline
from app.application.directory.live_views import Standing
from app.application.directory.pages import STATISTICS, Directory, Page
from app.application.directory.query import CARRIERS, Query
from app.application.ports.feed import FeedRenewed
from app.application.queries import CountCarriers

CARRIERS_PER_WRITE = 500
"""So many carriers one write of a file holds at most."""

_UNCHANGED = Answer("It is as If-None-Match knows it", headers=("ETag.view",))
_PAGE = {
    200: Answer("A page of carriers", (DirectorySchema,), ("ETag.view", "Link")),
    304: _UNCHANGED,
}
_FILE = {
    200: Answer(
        "A line for each carrier, in UTF-8, after one with the names of the columns. Lists and"
        " objects are JSON in their cell; an apostrophe stands wherever a spreadsheet, with"
        " whatever separator, could see a formula begin (docs/csv.md says how it is read back). "
        + CUT_SHORT,
        headers=("ETag.view",),
        media_type="text/csv",
        example=f"{','.join(COLUMNS)}\r\n",
    ),
    304: _UNCHANGED,
}
_COUNTED = {
    200: Answer("How many there are", (StatisticsSchema,), ("ETag.view",)),
    304: _UNCHANGED,
}

OF_A_VIEW = (*IN_THE_REGISTRY, 410)

blueprint = ContractBlueprint("directory", __name__, description="Which carriers there are")


@blueprint.view(
    "/carriers", _PAGE, OF_A_VIEW, query=DirectoryQuerySchema, headers=("Consistency-Token",)
)
def list_carriers(query: Query) -> Response:
    """List, filter and search carriers, page by page."""
    wait_for_view()
    query = services().directory.settled(query, deadline())
    tag = _tag(services().directory.standing(CARRIERS, deadline()), query.beside)
    if _is_known(tag):
        return _unchanged(tag)
    page = services().directory.page(query, deadline())
    headers = {"ETag": f'W/"{tag}"', **link_to(page.next_cursor)}
    carriers = [shown.listed(body) for body in page.rows]
    return success({"carriers": carriers, "next": page.next_cursor}, 200, headers)


@blueprint.view(
    "/carriers.csv", _FILE, OF_A_VIEW, query=FilterSchema, headers=("Consistency-Token",)
)
def export_carriers(query: Query) -> Response:
    """Give all carriers that a filter selects, as one file of CSV."""
    refuse_http_1_0()
    wait_for_view()
    query = services().directory.settled(query, deadline())
    tag = _tag(services().directory.standing(CARRIERS, deadline()), query.beside)
    if _is_known(tag):
        return _unchanged(tag)
    answer = file_of(query)
    answer.headers["ETag"] = f'W/"{tag}"'
    return answer


def file_of(query: Query, columns: Sequence[str] = COLUMNS) -> Response:
    """All that the query selects by one policy, as one file of CSV with these columns. Raises
    TooManyListeners, and what the directory raises for its first page."""
    directory = services().directory
    query = directory.settled(replace(query, limit=CARRIERS_PER_WRITE), deadline())
    pages = _pages(directory, query, budgets())
    return csv_file("carriers.csv", directory.place, pages, partial(carriers_csv, columns=columns))


@blueprint.view(
    "/statistics",
    _COUNTED,
    OF_A_VIEW,
    query=StatisticsQuerySchema,
    headers=("Consistency-Token",),
)
def show_statistics(query: CountCarriers) -> Response:
    """Count the carriers by state, country, service and day of their registration."""
    token = _token()
    if token is not None:
        services().directory.wait_for_counts(token, services().feed.head, deadline())
    standing = services().directory.standing(STATISTICS, deadline())
    tag = _tag(standing)
    if _is_known(tag):
        return _unchanged(tag)
    counts = services().directory.counts(deadline())
    counted = shown.statistics(counts, standing.progress.checkpoint, query.days)
    return success(counted, 200, {"ETag": f'W/"{tag}"'})


def link_to(cursor: str | None) -> dict[str, str]:
    """The header that names the next page of what was asked for, if there is one."""
    if cursor is None:
        return {}
    following = urlencode({**request.args, "cursor": cursor})
    return {"Link": f'<?{following}>; rel="next"'}


def wait_for_view() -> None:
    """Return once the view of carriers holds what the client has written. Raises ViewBehind, and
    what `_token` does."""
    token = _token()
    if token is not None:
        services().directory.wait_for(token, deadline())


def _token() -> Token | None:
    """Of the request, checked. Raises BadRequest and FeedRenewed."""
    given = request.headers.get("Consistency-Token")
    if given is None:
        return None
    try:
        token = token_in(given)
    except BadToken:
        raise BadRequest("The Consistency-Token is not one of a command's answer") from None
    if token.feed is not None and token.feed != services().feed.identity(deadline()):
        raise FeedRenewed(services().feed.standing(deadline()))
    return token


def _tag(standing: Standing, beside: str = "") -> str:
    """Of the view as it is before it is read: what is read can only be newer. With the feed's id:
    after a restore a view comes by the same numbers again, with other events. `beside` is what the
    answer depends on beside the view: see `Query.beside`."""
    asked = f"{services().feed.identity(deadline())}{request.full_path}{beside}"
    digest = blake2s(asked.encode(), digest_size=6).hexdigest()
    return f"{standing.tag}.{digest}"


def _is_known(tag: str) -> bool:
    """Never to who has just written: on Cassandra rows are there before the tag is another one."""
    if "Consistency-Token" in request.headers:
        return False
    return request.if_none_match.contains_weak(tag)


def _unchanged(tag: str) -> Response:
    return Response(status=304, headers={"ETag": f'W/"{tag}"'})


def _pages(directory: Directory, query: Query, budget: Callable[[], Deadline]) -> Iterator[Page]:
    """All pages of the query."""
    while True:
        page = directory.page(query, budget())
        yield page
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)
