"""How the places of rows are written: where each row stands in each order among those that have a
term. Functions within a transaction of `store.py`; `rows.py` has what finds rows by them.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence

from app.application.ports.views import SORTS, Place, Row, RowChange
from app.infrastructure.sqlite.many import AT_ONCE, insert_many

_ADD_PLACES = "INSERT OR IGNORE INTO places (view, sort, term, key, carrier_id)"
_REMOVE_PLACE = """
DELETE FROM places WHERE view = ? AND sort = ? AND term = ? AND key = ? AND carrier_id = ?
"""


def write_places(
    connection: sqlite3.Connection, view: int, changes: Sequence[RowChange], known: Container[str]
) -> None:
    """Put each row at its places, and take the rows of the `known` carriers, which earlier commits
    have written, from those of what they were.

    In the order of the table, so that neighbours are written to the same page at once. Most places
    are those of a few terms: what these share is handed to SQLite once for many.
    """
    moved = [change for change in changes if change.was and change.row.carrier_id in known]
    connection.executemany(_REMOVE_PLACE, sorted(_left(view, moved)))
    others: list[_Entry] = []
    for number, sort in enumerate(SORTS):
        taken = _by_term(sort, changes)
        for term in sorted(taken):
            places = taken[term]
            together = len(places) - len(places) % AT_ONCE
            listed = (view, number, term)
            insert_many(connection, _ADD_PLACES, places[:together], shared=listed)
            others += [(*listed, *place) for place in places[together:]]
    insert_many(connection, _ADD_PLACES, others)


_Entry = tuple[int, int, str, str, str]


def _by_term(sort: str, changes: Sequence[RowChange]) -> dict[str, list[Place]]:
    """The places of this order, sorted, by the term that they are kept under."""
    rows = [change.row for change in changes]
    ordered = sorted(
        (row.keys[sort], row.carrier_id, row.terms_in(sort)) for row in rows if sort in row.keys
    )
    taken: dict[str, list[Place]] = defaultdict(list)
    for key, carrier_id, terms in ordered:
        place = (key, carrier_id)
        for term in terms:
            taken[term].append(place)
    return taken


def _left(view: int, changes: Sequence[RowChange]) -> set[_Entry]:
    """What the rows were found by, and are not any more: at the last commit, since what they were
    in between was never written."""
    left: set[_Entry] = set()
    for change in changes:
        left.update(_entries(view, change.was[0]))
        left.difference_update(_entries(view, change.row))
    return left


def _entries(view: int, row: Row) -> Iterator[_Entry]:
    for number, sort in enumerate(SORTS):
        if sort in row.keys:
            for term in row.terms_in(sort):
                yield view, number, term, row.keys[sort], row.carrier_id
