"""Writes many rows by few statements. For the views, which write most of what they write at once.

To run a statement costs more than the row that it writes: 50 rows a statement take less than half
the time of 50 statements.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

_AT_ONCE = 50
"""Rows a statement. More save nothing, and older SQLite takes 999 values at most."""


def insert_many(
    connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]], end: str = ""
) -> None:
    """Carry out `insert`, which stops before VALUES, for these rows of equal length in their order;
    `end` is what follows the values."""
    if not rows:
        return
    one = f"({', '.join('?' * len(rows[0]))})"
    together = len(rows) - len(rows) % _AT_ONCE
    values = (
        list(chain.from_iterable(rows[first : first + _AT_ONCE]))
        for first in range(0, together, _AT_ONCE)
    )
    connection.executemany(f"{insert} VALUES {', '.join([one] * _AT_ONCE)} {end}", values)
    connection.executemany(f"{insert} VALUES {one} {end}", rows[together:])
