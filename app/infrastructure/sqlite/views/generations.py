"""Which views there are: the generations of a projection, and which is live or being built.

Functions within a transaction of `store.py`. A view has a number of its own, by which its rows are
kept. Neither number is ever given again.
"""

import sqlite3

from app.application.ports.views import Generations, View

_NUMBER = "SELECT view FROM views WHERE projection = ? AND generation = ?"
_AND_KEPT = " AND NOT dropped"
_ADD_VIEW = "INSERT OR IGNORE INTO views (projection, generation) VALUES (?, ?)"
_FORGET = "UPDATE views SET checkpoint = 0, revision = revision + 1, dropped = 1 WHERE view = ?"
_GENERATIONS = "SELECT live, building FROM generations WHERE projection = ?"
_KEPT = "SELECT generation FROM views WHERE projection = ? AND NOT dropped ORDER BY generation"
_PROJECTIONS = "SELECT DISTINCT projection FROM views WHERE NOT dropped ORDER BY projection"
_LAST_GENERATION = """
SELECT coalesce(max(generation), (SELECT first - 1 FROM origin)) FROM views WHERE projection = ?
"""
_SET_GENERATIONS = """
INSERT INTO generations (projection, live, building) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET live = excluded.live, building = excluded.building
"""
_CLEAR = (
    "DELETE FROM counts WHERE view = ?",
    "DELETE FROM parked WHERE view = ?",
    "DELETE FROM discarded WHERE view = ?",
)
# No view has this number, and no generation; both begin at 1.
_NOWHERE = 0


def number_of(connection: sqlite3.Connection, view: View) -> int:
    """The view's own; _NOWHERE if it was never written to, or is dropped."""
    key = (view.projection, view.generation)
    row: tuple[int] | None = connection.execute(_NUMBER + _AND_KEPT, key).fetchone()
    return row[0] if row else _NOWHERE


def forget(connection: sqlite3.Connection, view: View) -> int:
    """Let nobody see the view or commit to it any more; return its number, by which its rows are
    still to be removed."""
    key = (view.projection, view.generation)
    (number,) = connection.execute(_NUMBER, key).fetchone() or (_NOWHERE,)
    connection.execute(_FORGET, (number,))
    for statement in _CLEAR:
        connection.execute(statement, (number,))
    return int(number)


def generations_of(connection: sqlite3.Connection, projection: str) -> Generations:
    """The live one, and the one that is being built."""
    row: tuple[int, int | None] | None = connection.execute(_GENERATIONS, (projection,)).fetchone()
    live, building = row or (_NOWHERE, None)
    return Generations(live or None, building)


def set_generations(connection: sqlite3.Connection, projection: str, now: Generations) -> None:
    """A file of a release without versions does not take NULL for the live one."""
    connection.execute(_SET_GENERATIONS, (projection, now.live or _NOWHERE, now.building))


def begin(connection: sqlite3.Connection, projection: str, now: Generations) -> View:
    """Another generation, to be built."""
    (last,) = connection.execute(_LAST_GENERATION, (projection,)).fetchone()
    view = View(projection, last + 1)
    connection.execute(_ADD_VIEW, (projection, view.generation))
    set_generations(connection, projection, Generations(now.live, view.generation))
    return view


def abandon(connection: sqlite3.Connection, projection: str) -> list[View]:
    """Let none be live or being built; return all that are still to be dropped."""
    kept = connection.execute(_KEPT, (projection,)).fetchall()
    if kept:
        set_generations(connection, projection, Generations())
    return [View(projection, generation) for (generation,) in kept]


def projections(connection: sqlite3.Connection) -> list[str]:
    """The projections that have a view which is not dropped."""
    return [projection for (projection,) in connection.execute(_PROJECTIONS)]
