"""Writes many rows by few statements. For the views, which write most of what they write at once.

To run a statement costs more than the row that it writes: 50 rows a statement take less than half
the time of 50 statements.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

AT_ONCE = 50
"""Rows a statement. More save nothing, and older SQLite takes 999 values at most."""


def insert_many(
    connection: sqlite3.Connection,
    insert: str,
    rows: Sequence[Sequence[Any]],
    end: str = "",
    shared: Sequence[Any] = (),
) -> None:
    """Carry out `insert`, which stops before VALUES, for these rows of equal length in their order;
    `end` is what follows the values. Each row begins with the `shared` values, which are handed
    over once a statement: of five columns with three shared ones, a row takes three fifths of the
    time."""
    if not rows:
        return
    together = len(rows) - len(rows) % AT_ONCE
    width = len(rows[0])
    for chosen, at_once in ((rows[:together], AT_ONCE), (rows[together:], 1)):
        statement = f"{insert} VALUES {_places(len(shared), width, at_once)} {end}"
        values = (
            [*shared, *chain.from_iterable(chosen[first : first + at_once])]
            for first in range(0, len(chosen), at_once)
        )
        connection.executemany(statement, values)


@cache
def _places(shared: int, width: int, rows: int) -> str:
    """Numbered places of values, row by row; the shared ones come first, and in each row."""
    numbers = range(shared + 1, shared + rows * width + 1)
    return ", ".join(
        f"({', '.join(f'?{number}' for number in (*range(1, shared + 1), *own))})"
        for own in (numbers[first : first + width] for first in range(0, rows * width, width))
    )
