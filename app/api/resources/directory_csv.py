"""Carriers as lines of CSV (RFC 4180), for spreadsheets and for programs; docs/csv.md shows how
such a file is read back.

Written page by page: a file of any length needs the memory of one page.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.api.resources.csv_text import csv_of, json_cell
from app.application.csv_formulas import harmless
from app.application.directory.pages import Page

Body = Mapping[str, Any]


def _joined(values: Iterable[str]) -> str:
    return "; ".join(values)


# What people filter by, put together from fields that are there as JSON too.
_SUMMARIES: Mapping[str, Callable[[Body], str]] = {
    "countries": lambda body: _joined(
        sorted({country for each in body["coverage"] for country in each["countries"]})
    ),
    "services": lambda body: _joined(each["service"] for each in body["coverage"]),
    "identifiers": lambda body: _joined(
        f"{each['scheme']}:{each['value']}" for each in body["identifiers"]
    ),
}
_AS_JSON: Mapping[str, str] = {
    "aliases": "aliases",
    "coverage": "coverage",
    "identifiers_json": "identifiers",
    "metadata": "metadata",
    "contacts": "contacts",
    "tags": "tags",
}
"""Columns that hold a list or an object, and the field it is."""

_NOBODY_TYPED = (
    "carrier_id",
    "version",
    "state",
    "registered_at",
    "updated_at",
    "category",
    "merged_into",
)
"""Columns whose values are the registry's own, so that none can be a formula."""

COLUMNS = (
    "carrier_id",
    "version",
    "state",
    "name",
    "email",
    "phone",
    "website",
    "registered_at",
    "updated_at",
    *_SUMMARIES,
    "reason",
    "category",
    "tracking_url",
    *_AS_JSON,
    "time_zone",
    "merged_into",
    "bank_reference",
)
"""New ones are put at the end: a client may count."""


def carriers_csv(pages: Iterable[Page], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """The header, then a line a carrier, page by page; `columns` are some of COLUMNS."""
    return csv_of(columns, ([_cells(body, columns) for body in page.rows] for page in pages))


def _cells(body: Body, columns: Sequence[str]) -> list[str]:
    return [_cell(body, column) for column in columns]


def _cell(body: Body, column: str) -> str:
    if column in _SUMMARIES:
        return harmless(_SUMMARIES[column](body))
    if column in _AS_JSON:
        return harmless(json_cell(body[_AS_JSON[column]]))
    value = body[column]
    text = "" if value is None else str(value)
    return text if column in _NOBODY_TYPED else harmless(text)
