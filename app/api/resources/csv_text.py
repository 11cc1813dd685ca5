"""Lines of CSV as every file of this service has them (RFC 4180), for spreadsheets and for
programs; docs/csv.md shows how they are read back."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

Cells = Iterable[str]

json_cell = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A list or an object as the text of a cell."""


def csv_of(columns: Cells, pages: Iterable[Iterable[Cells]]) -> Iterator[str]:
    """The header, then a line for each row, page by page."""
    yield _lines([columns], csv.QUOTE_MINIMAL)
    for rows in pages:
        # All cells are quoted: programs that look for the separator may find a semicolon.
        if text := _lines(rows, csv.QUOTE_ALL):
            yield text


def _lines(rows: Iterable[Cells], quoting: int) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return written.getvalue()
