"""How the rows of a view are written and found. Functions within a transaction of `store.py`."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from app.application.ports.views import SORTS, WHOLE_SORTS, Place, Row, RowChange
from app.infrastructure.sqlite.many import insert_many
from app.infrastructure.sqlite.views.places import write_places

MAX_MATCHES = 1000
"""So many rows at most are put in order for a page of what a prefix finds."""

_KNOWN = """
SELECT carrier_id, row, words FROM rows
WHERE view = ? AND carrier_id IN (SELECT value FROM json_each(?))
"""
_LAST_NUMBER = "SELECT coalesce(max(row), 0) FROM rows"
_KEYS = ", ".join(WHOLE_SORTS)
_PUT = f"INSERT INTO rows (row, words, view, carrier_id, version, body, {_KEYS})"
_OR_REPLACE = f"""
ON CONFLICT (row) DO UPDATE SET words = excluded.words, version = excluded.version,
    body = excluded.body, {", ".join(f"{sort} = excluded.{sort}" for sort in WHOLE_SORTS)}
"""
# Values, not a SELECT: that would make the index write a segment for each row.
_ADD_WORDS = "INSERT INTO word_index (rowid, words) VALUES (?, ?)"
_REMOVE_WORDS = "INSERT INTO word_index (word_index, rowid, words) VALUES ('delete', ?, ?)"
SOME_ROWS = "SELECT carrier_id, row, words FROM rows WHERE view = ? ORDER BY carrier_id LIMIT ?"
REMOVE_ROWS = "DELETE FROM rows WHERE view = ? AND carrier_id <= ?"
SOME_PLACES = """
SELECT sort, term, key, carrier_id FROM places
WHERE view = ? ORDER BY sort, term, key, carrier_id LIMIT 1 OFFSET ?
"""
REMOVE_PLACES = """
DELETE FROM places WHERE view = ? AND (sort, term, key, carrier_id) < (?, ?, ?, ?)
"""
_REMOVE_ALL_PLACES = "DELETE FROM places WHERE view = ?"
_PLACES_A_ROW = 10
"""A row has about so many places: both are removed in the same number of parts."""
FIND = """
SELECT key, carrier_id FROM places
WHERE view = ? AND sort = ? AND term = ? AND (key, carrier_id) > (?, ?)
ORDER BY key, carrier_id LIMIT ?
"""
MATCHES = "SELECT DISTINCT doc FROM word_list WHERE term >= ? AND term < ? LIMIT ?"
_ALL_MATCHES = "SELECT rowid FROM word_index WHERE word_index MATCH ? LIMIT ?"
IN_ORDER = {
    sort: f"""
SELECT {sort}, carrier_id FROM rows
WHERE row IN (SELECT value FROM json_each(?)) AND ({sort}, carrier_id) > (?, ?)
ORDER BY {sort}, carrier_id LIMIT ?
"""  # noqa: S608 - names of its own
    for sort in WHOLE_SORTS
}
_ROWS = """
SELECT carrier_id, version, body FROM rows
WHERE view = ? AND carrier_id IN (SELECT value FROM json_each(?))
"""
_SAME_KEYS = " AND ".join(f"b.{sort} = a.{sort}" for sort in WHOLE_SORTS)
# What one has and the other has not, or not the same; and what only the other has.
_DIFFERENCES = f"""
SELECT
    (SELECT count(*) FROM rows a WHERE a.view = :one AND NOT EXISTS (
        SELECT 1 FROM rows b WHERE b.view = :other AND b.carrier_id = a.carrier_id
            AND b.version = a.version AND b.body = a.body AND {_SAME_KEYS}))
  + (SELECT count(*) FROM rows a WHERE a.view = :other AND NOT EXISTS (
        SELECT 1 FROM rows b WHERE b.view = :one AND b.carrier_id = a.carrier_id))
  + (SELECT count(*) FROM counts a WHERE a.view = :one AND NOT EXISTS (
        SELECT 1 FROM counts b WHERE b.view = :other AND b.name = a.name AND b.value = a.value))
  + (SELECT count(*) FROM counts a WHERE a.view = :other AND NOT EXISTS (
        SELECT 1 FROM counts b WHERE b.view = :one AND b.name = a.name))
"""  # noqa: S608 - names of its own
_BEFORE_ALL: Place = ("", "")
_BEHIND_DIGITS = "g"


def write_rows(connection: sqlite3.Connection, view: int, changes: Sequence[RowChange]) -> None:
    """Put each row in the place of what it was."""
    # New rows get their numbers in the order of their ids: that is the order of both indexes.
    by_carrier = sorted(changes, key=_carrier)
    ids = json.dumps([change.row.carrier_id for change in by_carrier])
    known = {carrier: held for carrier, *held in connection.execute(_KNOWN, (view, ids))}
    (last,) = connection.execute(_LAST_NUMBER).fetchone()
    records, gone, come = [], [], []
    tokens = _Tokens(view)
    for change in by_carrier:
        row = change.row
        words = tokens.indexed(row.words)
        number, indexed = known.get(row.carrier_id) or (last + 1, None)
        last = max(last, number)
        if words != indexed:
            come.append((number, words))
            if indexed is not None:
                gone.append((number, indexed))
        keys = [row.keys.get(sort, "") for sort in WHOLE_SORTS]
        records.append((number, words, view, row.carrier_id, row.version, row.body, *keys))
    # A lower number after a higher one, too, makes the index write a segment.
    connection.executemany(_REMOVE_WORDS, sorted(gone))
    connection.executemany(_ADD_WORDS, sorted(come))
    insert_many(connection, _PUT, records, _OR_REPLACE)
    write_places(connection, view, changes, known)


def remove_some(connection: sqlite3.Connection, view: int, maximum: int) -> bool:
    """Remove at most so many rows, and some places; whether there are more."""
    rows = connection.execute(SOME_ROWS, (view, maximum)).fetchall()
    if rows:
        connection.executemany(_REMOVE_WORDS, sorted(held for _, *held in rows))
        connection.execute(REMOVE_ROWS, (view, rows[-1][0]))
    values = (view, maximum * _PLACES_A_ROW)
    stop = connection.execute(SOME_PLACES, values).fetchone()
    if stop is None:
        connection.execute(_REMOVE_ALL_PLACES, (view,))
    else:
        connection.execute(REMOVE_PLACES, (view, *stop))
    return stop is not None or len(rows) == maximum


def rows_of(
    connection: sqlite3.Connection, view: int, carrier_ids: Iterable[str]
) -> dict[str, Row]:
    """See `ViewStore.rows`."""
    rows = connection.execute(_ROWS, (view, json.dumps(list(carrier_ids))))
    return {carrier_id: Row(carrier_id, *values) for carrier_id, *values in rows}


def differences(connection: sqlite3.Connection, one: int, other: int) -> int:
    """See `ViewStore.differences`."""
    found = connection.execute(_DIFFERENCES, {"one": one, "other": other})
    return int(found.fetchone()[0])


def find_places(
    connection: sqlite3.Connection,
    view: int,
    sort: str,
    terms: Iterable[str],
    after: Place | None,
    limit: int,
) -> list[Place]:
    """See `ViewStore.find`: for each term a range of places that ends after `limit`."""
    found: set[Place] = set()
    for term in terms:
        values = (view, SORTS.index(sort), term, *(after or _BEFORE_ALL), limit)
        found.update(connection.execute(FIND, values))
    return sorted(found)[:limit]


def find_word(
    connection: sqlite3.Connection,
    view: int,
    sort: str,
    prefix: str,
    after: Place | None,
    limit: int,
) -> list[Place] | None:
    """See `ViewStore.find_prefix`: a range of words that ends after MAX_MATCHES rows."""
    if sort not in IN_ORDER:
        return None
    first = _token(view, prefix)
    words = (first, first + _BEHIND_DIGITS, MAX_MATCHES + 1)
    matches = [match for (match,) in connection.execute(MATCHES, words)]
    return _in_order(connection, sort, matches, after, limit)


def find_words(
    connection: sqlite3.Connection,
    view: int,
    sort: str,
    prefixes: Iterable[str],
    after: Place | None,
    limit: int,
) -> list[Place] | None:
    """See `ViewStore.find_words`: the index puts the rows of each prefix together, and goes through
    them side by side."""
    if sort not in IN_ORDER:
        return None
    words = " AND ".join(f'"{_token(view, prefix)}"*' for prefix in prefixes)
    found = connection.execute(_ALL_MATCHES, (words, MAX_MATCHES + 1))
    return _in_order(connection, sort, [match for (match,) in found], after, limit)


def _in_order(
    connection: sqlite3.Connection,
    sort: str,
    matches: Sequence[int],
    after: Place | None,
    limit: int,
) -> list[Place] | None:
    """The places of these rows behind `after`; None if there are more than MAX_MATCHES."""
    if len(matches) > MAX_MATCHES:
        return None
    values = (json.dumps(matches), *(after or _BEFORE_ALL), limit)
    return connection.execute(IN_ORDER[sort], values).fetchall()


def _carrier(change: RowChange) -> str:
    return change.row.carrier_id


class _Tokens(dict[str, str]):
    """The tokens of a view's words, each made once: many rows of a batch have the same words."""

    def __init__(self, view: int) -> None:
        super().__init__()
        self._view = view

    def __missing__(self, word: str) -> str:
        token = self[word] = _token(self._view, word)
        return token

    def indexed(self, words: Iterable[str]) -> str:
        """The words as the index has them."""
        return " ".join([self[word] for word in sorted(words)])


def _token(view: int, word: str) -> str:
    """A word of a view in the index. As digits, every text is one word to every tokenizer, and
    what it begins with is what its digits begin with."""
    return f"{view}v{_digits(word)}"


def _digits(word: str) -> str:
    return word.encode("utf-8", "surrogatepass").hex()
