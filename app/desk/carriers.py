"""The list of carriers: what is searched and filtered for is in the address."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request
from marshmallow import ValidationError

from app.api.http.authentication import DESK, SEVERAL
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources.directory import file_of
from app.api.schemas.directory import DirectoryQuerySchema, FilterSchema
from app.application.directory.pages import Page
from app.application.directory.query import Query
from app.desk.changes import since_the_list
from app.desk.facets import FACETS, Tally
from app.desk.frame import blueprint, caller, page

LIMIT = 25
"""How many carriers a page of the list has."""

COLUMNS: Final[Mapping[str, bool]] = {
    "state": True,
    "services": True,
    "countries": True,
    "email": True,
    "phone": False,
    "website": False,
    "identifiers": False,
    "registered_at": True,
    "updated_at": False,
    "version": False,
}
"""Beside the name, and whether it is shown to who has chosen none."""


@blueprint.get("/carriers")
def list_carriers() -> Response:
    """A page of the carriers that the address selects."""
    asked, columns = _asked()
    problem, found, status, query = None, Page([], None), 200, Query()
    changes = since_the_list()
    try:
        query = DirectoryQuerySchema().load({"limit": str(LIMIT), **asked})
        found = services().directory.page(query, deadline())
    except ValidationError as error:
        problem, status = next(iter(sentences({"query": error.messages_dict}).values())), 400
    tally = Tally(query, None if problem else found)
    return page(
        "carriers.html",
        status,
        asked=asked,
        problem=problem,
        changes=changes,
        total=tally.total,
        facets=[tally.facet(name, partial(_choosing, asked, columns, name)) for name in FACETS],
        filters=_filters(asked, columns),
        columns=columns,
        all_columns=COLUMNS,
        found=found,
        several=[name for name, scope in SEVERAL.items() if caller().may(scope)],
        is_filtered=bool(asked.keys() - {"sort", "cursor"}),
        sorted_by=asked.get("sort", "name"),
        by=lambda order: _address(asked, columns, sort=order),
        following=_address(asked, columns, cursor=found.next_cursor),
        first=_address(asked, columns),
        csv=_file(asked, column=columns),
        whole_csv=_file(asked),
    )


@blueprint.get("/carriers.csv")
def export() -> Response:
    """All carriers that the address selects, as a file for spreadsheets: with the columns that it
    names, or with all that there are."""
    asked, columns = _asked()
    try:
        query: Query = FilterSchema().load(_without(asked, "cursor", "limit"))
    except ValidationError as error:
        problem = next(iter(sentences({"query": error.messages_dict}).values()))
        return page("message.html", 400, title="This filter cannot be read", text=problem)
    if "column" not in request.args:
        return file_of(query)
    return file_of(query, ("carrier_id", "name", *columns))


def _asked() -> tuple[dict[str, str], tuple[str, ...]]:
    """The query as the API has it, without what the form has left empty, and the columns."""
    given = request.args.to_dict(flat=False)
    chosen = given.pop("column", [])
    columns = tuple(each for each in COLUMNS if each in chosen)
    asked = {name: ",".join(filter(None, values)) for name, values in given.items()}
    asked = {name: text for name, text in asked.items() if text.strip()}
    return asked, columns or tuple(name for name, shown in COLUMNS.items() if shown)


def _without(asked: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in asked.items() if name not in names}


def _address(asked: Mapping[str, str], columns: Iterable[str], **changed: str | None) -> str:
    """The list with another filter, from its first page on unless a cursor is given."""
    query: dict[str, Any] = {**_without(asked, "cursor"), **changed}
    query = {name: text for name, text in query.items() if text}
    chosen = tuple(columns)
    if chosen != tuple(name for name, shown in COLUMNS.items() if shown):
        query["column"] = chosen
    return f"{DESK}/carriers?{urlencode(query, doseq=True)}".rstrip("?")


def _file(asked: Mapping[str, str], **columns: tuple[str, ...]) -> str:
    """The address of the file of what the list selects."""
    query = {**_without(asked, "cursor"), **columns}
    return f"{DESK}/carriers.csv?{urlencode(query, doseq=True)}".rstrip("?")


def _choosing(
    asked: Mapping[str, str], columns: Iterable[str], parameter: str, values: Iterable[str]
) -> str:
    """The list with these values of the parameter."""
    return _address(asked, columns, **{parameter: ",".join(sorted(values))})


def _filters(asked: Mapping[str, str], columns: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """What the list is filtered by: the parameter, its text, and the address without it."""
    return [
        (name, text, _address(_without(asked, name), columns))
        for name, text in asked.items()
        if name not in {"sort", "cursor", "q"}
    ]
