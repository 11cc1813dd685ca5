"""Carriers as lines of CSV (RFC 4180), for spreadsheets.

Written page by page: a file of any length needs the memory of one page.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.application.directory import Page

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
    "countries",
    "services",
    "identifiers",
)

# A spreadsheet takes what begins so for a formula, and names are what strangers typed.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(pages: Iterable[Page]) -> Iterator[str]:
    """The header, then a line a carrier; cells that hold several things have `; ` between them.
    A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    yield _lines([COLUMNS])
    for page in pages:
        if page.rows:
            yield _lines(map(_cells, page.rows))


def _lines(rows: Iterable[Iterable[str]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _cells(body: Mapping[str, Any]) -> list[str]:
    coverage, identifiers = body["coverage"], body["identifiers"]
    several = {
        "countries": sorted({country for each in coverage for country in each["countries"]}),
        "services": [each["service"] for each in coverage],
        "identifiers": [f"{each['scheme']}:{each['value']}" for each in identifiers],
    }
    joined = {column: "; ".join(values) for column, values in several.items()}
    return [_harmless(joined.get(column, body.get(column))) for column in COLUMNS]


def _harmless(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
