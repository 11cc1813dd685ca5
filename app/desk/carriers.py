"""The list of carriers: what is searched and filtered for is in the address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request
from marshmallow import ValidationError

from app.api.http.authentication import DESK, SEVERAL
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources.directory import file_of
from app.api.resources.representations import statistics
from app.api.schemas.directory import DirectoryQuerySchema, FilterSchema
from app.application.directory.pages import Page
from app.application.directory.query import Query
from app.desk.changes import since_the_list
from app.desk.frame import blueprint, caller, page
from app.domain.state import STATES

LIMIT = 50
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

_FACETS: Final = (("state", "states"), ("service", "services"), ("country", "countries"))
"""Parameters of a query whose values are counted, and the group of counts."""

_SHOWN_AT_FIRST = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter, how many carriers have it, and the address that adds or removes it."""

    value: str
    count: int
    is_chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its values: the most frequent first, of which some are shown at first."""

    name: str
    shown: list[Choice]
    more: list[Choice]


@blueprint.get("/carriers")
def list_carriers() -> Response:
    """A page of the carriers that the address selects."""
    asked, columns = _asked()
    problem, found, status = None, Page([], None), 200
    changes = since_the_list()
    try:
        query: Query = DirectoryQuerySchema().load({"limit": str(LIMIT), **asked})
        found = services().directory.page(query, deadline())
    except ValidationError as error:
        problem, status = next(iter(sentences({"query": error.messages_dict}).values())), 400
    return page(
        "carriers.html",
        status,
        asked=asked,
        problem=problem,
        changes=changes,
        facets=_facets(asked, columns),
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
        csv=f"{DESK}/carriers.csv?{urlencode(_without(asked, 'cursor'))}",
    )


@blueprint.get("/carriers.csv")
def export() -> Response:
    """All carriers that the address selects, as a file for spreadsheets."""
    try:
        query: Query = FilterSchema().load(_without(_asked()[0], "cursor"))
    except ValidationError as error:
        problem = next(iter(sentences({"query": error.messages_dict}).values()))
        return page("message.html", 400, title="This filter cannot be read", text=problem)
    return file_of(query)


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


def _facets(asked: Mapping[str, str], columns: tuple[str, ...]) -> list[Facet]:
    """The values that carriers have, counted over the whole registry."""
    counts = statistics(services().directory.counts(deadline()), 0, 1)
    facets = []
    for parameter, group in _FACETS:
        counted: dict[str, int] = counts[group]
        names = list(STATES) if parameter == "state" else _by_count(counted)
        chosen = set(filter(None, asked.get(parameter, "").split(",")))
        choices = [
            Choice(
                name,
                counted.get(name, 0),
                name in chosen,
                _address(asked, columns, **{parameter: ",".join(sorted(chosen ^ {name}))}),
            )
            for name in names
            if name != "worldwide"
        ]
        at_first = [
            each for place, each in enumerate(choices) if place < _SHOWN_AT_FIRST or each.is_chosen
        ]
        more = [each for each in choices if each not in at_first]
        facets.append(Facet(parameter, at_first, more))
    return facets


def _by_count(counted: Mapping[str, int]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))


def _filters(asked: Mapping[str, str], columns: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """What the list is filtered by: the parameter, its text, and the address without it."""
    return [
        (name, text, _address(_without(asked, name), columns))
        for name, text in asked.items()
        if name not in {"sort", "cursor", "q"}
    ]
