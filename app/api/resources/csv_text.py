"""Lines of CSV as every file of this service has them (RFC 4180), for spreadsheets and for
programs; docs/csv.md shows how they are read back."""

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from app.application.csv_lines import csv_lines

Cells = Iterable[str]

json_cell = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A list or an object as the text of a cell."""


def csv_of(columns: Cells, pages: Iterable[Iterable[Cells]]) -> Iterator[str]:
    """The header, then a line for each row, page by page. The first page is asked for before the
    header is given: what is wrong with it can be told alone."""
    rest = iter(pages)
    first = list(islice(rest, 1))
    yield csv_lines([columns], csv.QUOTE_MINIMAL)
    for rows in chain(first, rest):
        # All cells are quoted: programs that look for the separator may find a semicolon.
        if text := csv_lines(rows, csv.QUOTE_ALL):
            yield text
