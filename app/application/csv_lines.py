"""Lines of CSV (RFC 4180), as text. Imports nothing."""

import csv
import io
from collections.abc import Iterable
from typing import Literal

Quoting = Literal[0, 1, 2, 3]
"""One of the module csv's QUOTE constants."""


def csv_lines(rows: Iterable[Iterable[str]], quoting: Quoting, delimiter: str = ",") -> str:
    """A line for each row."""
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting).writerows(rows)
    return written.getvalue()
