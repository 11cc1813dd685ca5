"""Many rows by few statements: all are written, in their order, however many there are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.infrastructure.sqlite.many import insert_many


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """To a file with an empty table."""
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.execute("CREATE TABLE pairs (one INTEGER PRIMARY KEY, other TEXT)")
        yield opened


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 123])
def test_every_row_is_written_once(connection: sqlite3.Connection, count: int) -> None:
    """Those that fill a statement, and those that are left over."""
    rows = [(number, f"no {number}") for number in range(count)]
    insert_many(connection, "INSERT INTO pairs (one, other)", rows)
    assert connection.execute("SELECT one, other FROM pairs ORDER BY one").fetchall() == rows


@pytest.mark.parametrize("count", [1, 50, 123])
def test_shared_values_are_in_each_row(connection: sqlite3.Connection, count: int) -> None:
    """They come before the row's own, whether the row fills a statement with others or is alone."""
    connection.execute("CREATE TABLE listed (list INTEGER, term TEXT, key TEXT, id INTEGER)")
    rows = [(f"key {number}", number) for number in range(count)]
    insert = "INSERT INTO listed (list, term, key, id)"
    insert_many(connection, insert, rows, shared=(7, "all"))
    found = connection.execute("SELECT * FROM listed ORDER BY id").fetchall()
    assert found == [(7, "all", *row) for row in rows]


def test_the_later_row_wins(connection: sqlite3.Connection) -> None:
    """Where the statement says so, also among the rows of one statement."""
    rows = [(number % 7, f"no {number}") for number in range(60)]
    end = "ON CONFLICT (one) DO UPDATE SET other = excluded.other"
    insert_many(connection, "INSERT INTO pairs (one, other)", rows, end)
    found = connection.execute("SELECT one, other FROM pairs").fetchall()
    assert dict(found) == dict(rows)
