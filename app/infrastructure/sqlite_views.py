"""Views in an SQLite file of their own: making them never holds the lock that appends need.

Implements `views.ViewStore`. A commit is one transaction, so whatever was overtaken has written
nothing at all. Readers never wait (WAL); whoever writes waits for the lock until its deadline.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.application.views import (
    SORTS,
    Changes,
    Discarded,
    Generations,
    Overtaken,
    Parked,
    Place,
    Progress,
    Row,
    View,
)
from app.infrastructure.sqlite_connections import Connections, transaction
from app.infrastructure.sqlite_view_rows import find_places, find_word, remove_some, write_rows
from app.infrastructure.sqlite_view_schema import make_file, open_reader, open_writer

_NUMBER = "SELECT view FROM views WHERE projection = ? AND generation = ?"
_AND_KEPT = " AND NOT dropped"
_ADD_VIEW = "INSERT OR IGNORE INTO views (projection, generation) VALUES (?, ?)"
_PROGRESS = "SELECT checkpoint, revision FROM views WHERE view = ?"
_ADVANCE = """
UPDATE views SET checkpoint = ?, revision = revision + 1
WHERE view = ? AND checkpoint = ? AND revision = ? AND NOT dropped
"""
_TOUCH = "UPDATE views SET revision = revision + 1 WHERE view = ?"
_FORGET = "UPDATE views SET checkpoint = 0, revision = revision + 1, dropped = 1 WHERE view = ?"
_GENERATIONS = "SELECT live, building FROM generations WHERE projection = ?"
_AHEAD = "SELECT DISTINCT projection FROM views WHERE checkpoint > ?"
_KEPT = "SELECT generation FROM views WHERE projection = ? AND NOT dropped"
_LAST_GENERATION = "SELECT max(generation) FROM views WHERE projection = ?"
_SET_GENERATIONS = """
INSERT INTO generations (projection, live, building) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET live = excluded.live, building = excluded.building
"""
_PARK = "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PARKED = "SELECT stream, version, position, reason, upto, retry, discard FROM parked"
_REQUEST = "UPDATE parked SET retry = 1, discard = ? WHERE view = ? AND stream = ?"
_RELEASE = "DELETE FROM parked WHERE view = ? AND stream = ?"
_DISCARD = "INSERT OR IGNORE INTO discarded (view, stream, version, reason) VALUES (?, ?, ?, ?)"
_DISCARDED = "SELECT stream, version, reason FROM discarded WHERE view = ?"
_INHERIT = "INSERT INTO discarded SELECT ?, stream, version, reason FROM discarded WHERE view = ?"
_COUNT = "INSERT OR REPLACE INTO counts (view, name, value) VALUES (?, ?, ?)"
_COUNTS = "SELECT name, value FROM counts WHERE view = ?"
_ROWS = """
SELECT carrier_id, version, body FROM rows
WHERE view = ? AND carrier_id IN (SELECT value FROM json_each(?))
"""
_AMONG = " AND name IN (SELECT value FROM json_each(?))"
_SAME_KEYS = " AND ".join(f"b.{sort} = a.{sort}" for sort in SORTS)
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
_CLEAR = (
    "DELETE FROM counts WHERE view = ?",
    "DELETE FROM parked WHERE view = ?",
    "DELETE FROM discarded WHERE view = ?",
)
# So many rows are removed at a time: others write in between.
_CHUNK = 1000
# No view has this number; numbers begin at 1.
_NOWHERE = 0


REBUILD_BATCH = 50_000
"""Events a commit of a rebuild. Each commit writes pages all over the indexes, so fewer and larger
ones write less: a third of what it was with 5,000."""


class SqliteViewStore:
    """Opens (and makes, where missing) the file and its folder."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnavailable if the file cannot be opened as a database."""
        self._readers = Connections(lambda: open_reader(path))
        self._writers = Connections(lambda: open_writer(path))
        try:
            make_file(path)
        except (sqlite3.Error, OSError) as error:
            hint = "if it is damaged, delete it: it is made again from the events"
            raise StoreUnavailable(f"cannot open {path}: {error} ({hint})") from error

    def begin_anew(self, head: Callable[[], int], deadline: Deadline) -> list[View]:
        """Give each projection with a view that is ahead of the feed, whose last position `head`
        tells, a new empty generation; return the views that are given up.

        The events are another file then, or an older copy: what such a view holds has not
        happened there, and it would leave out as many of the events to come.
        """
        with self._readers.lent(deadline) as connection:
            # The head last: a view that follows this feed cannot be ahead of it.
            (most,) = connection.execute("SELECT max(checkpoint) FROM views").fetchone()
            if (most or 0) <= (last := head()):
                return []
        given_up: list[View] = []
        with self._writing(deadline) as connection:
            for (projection,) in connection.execute(_AHEAD, (last,)).fetchall():
                for (generation,) in connection.execute(_KEPT, (projection,)).fetchall():
                    given_up.append(View(projection, generation))
                    _forget(connection, given_up[-1])
                (latest,) = connection.execute(_LAST_GENERATION, (projection,)).fetchone()
                connection.execute(_ADD_VIEW, (projection, latest + 1))
                connection.execute(_SET_GENERATIONS, (projection, latest + 1, None))
        for view in given_up:
            with suppress(StoreUnavailable):  # of a large one, a rebuild removes the rest
                self.drop(view, deadline)
        return given_up

    def generations(self, projection: str, deadline: Deadline) -> Generations:
        """See `views.ViewStore`."""
        with self._readers.lent(deadline) as connection:
            return _generations(connection, projection)

    def begin(self, projection: str, deadline: Deadline) -> View:
        """See `views.ViewStore`."""
        with self._writing(deadline) as connection:
            now = _generations(connection, projection)
            if now.building is not None:
                return View(projection, now.building)
            connection.execute(_ADD_VIEW, (projection, now.live))
            (last,) = connection.execute(_LAST_GENERATION, (projection,)).fetchone()
            connection.execute(_ADD_VIEW, (projection, last + 1))
            live, view = View(projection, now.live), View(projection, last + 1)
            connection.execute(_INHERIT, (_number(connection, view), _number(connection, live)))
            connection.execute(_SET_GENERATIONS, (projection, now.live, view.generation))
            return view

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `views.ViewStore`."""
        with self._writing(deadline) as connection:
            if _generations(connection, view.projection).building != view.generation:
                raise Overtaken
            connection.execute(_SET_GENERATIONS, (view.projection, view.generation, None))

    def drop(self, view: View, deadline: Deadline) -> None:
        """See `views.ViewStore`. If the time is over before all is removed, nobody sees the rest;
        to repeat it goes on from there."""
        with self._writing(deadline) as connection:
            now = _generations(connection, view.projection)
            if now.live == view.generation:
                raise Overtaken
            if now.building == view.generation:
                connection.execute(_SET_GENERATIONS, (view.projection, now.live, None))
            number = _forget(connection, view)
        more = True
        while more:
            with self._writing(deadline) as connection:
                more = remove_some(connection, number, _CHUNK)

    def progress(self, view: View, deadline: Deadline) -> Progress:
        """See `views.ViewStore`."""
        with self._reading(deadline) as connection:
            number = _number(connection, view)
            checkpoint, revision = connection.execute(_PROGRESS, (number,)).fetchone() or (0, 0)
            parked = connection.execute(f"{_PARKED} WHERE view = ?", (number,))
            discarded = connection.execute(_DISCARDED, (number,))
            return Progress(
                checkpoint,
                revision,
                {each.stream: each for each in map(_parked, parked)},
                frozenset((stream, version) for stream, version, _ in discarded),
            )

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `views.ViewStore`."""
        with self._writing(deadline) as connection:
            if _generations(connection, view.projection).live == view.generation:
                connection.execute(_ADD_VIEW, (view.projection, view.generation))
            number = _number(connection, view)
            advance = (changes.checkpoint, number, base.checkpoint, base.revision)
            if connection.execute(_ADVANCE, advance).rowcount == 0:
                raise Overtaken
            _write_progress(connection, number, changes)
            if changes.rows:
                write_rows(connection, number, changes.rows)

    def request(
        self, view: View, stream: str, discard: str | None, deadline: Deadline
    ) -> Parked | None:
        """See `views.ViewStore`."""
        with self._writing(deadline) as connection:
            number = _number(connection, view)
            if connection.execute(_REQUEST, (discard, number, stream)).rowcount == 0:
                return None
            connection.execute(_TOUCH, (number,))
            query = f"{_PARKED} WHERE view = ? AND stream = ?"
            return _parked(connection.execute(query, (number, stream)).fetchone())

    def discarded(self, view: View, deadline: Deadline) -> list[Discarded]:
        """See `views.ViewStore`."""
        with self._readers.lent(deadline) as connection:
            rows = connection.execute(_DISCARDED, (_number(connection, view),))
            return [Discarded(*row) for row in rows]

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """See `views.ViewStore`."""
        with self._readers.lent(deadline) as connection:
            values: list[int | str] = [_number(connection, view)]
            if keys is None:
                return dict(connection.execute(_COUNTS, values).fetchall())
            values.append(json.dumps(list(keys)))
            return dict(connection.execute(_COUNTS + _AMONG, values).fetchall())

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `views.ViewStore`."""
        ids = json.dumps(list(carrier_ids))
        with self._readers.lent(deadline) as connection:
            rows = connection.execute(_ROWS, (_number(connection, view), ids))
            return {carrier_id: Row(carrier_id, *values) for carrier_id, *values in rows}

    def find(
        self,
        view: View,
        sort: str,
        terms: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """See `views.ViewStore`. In one transaction, so that a row which goes from one of the
        terms to another is in one of them."""
        with self._reading(deadline) as connection:
            number = _number(connection, view)
            return find_places(connection, number, sort, terms, after, limit)

    def find_prefix(
        self,
        view: View,
        sort: str,
        prefix: str,
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `views.ViewStore`."""
        with self._reading(deadline) as connection:
            number = _number(connection, view)
            return find_word(connection, number, sort, prefix, after, limit)

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """See `views.ViewStore`."""
        with self._reading(deadline) as connection:
            views = {"one": _number(connection, one), "other": _number(connection, other)}
            return int(connection.execute(_DIFFERENCES, views).fetchone()[0])

    def close(self) -> None:
        """Give back the connections."""
        self._readers.close()
        self._writers.close()

    @contextmanager
    def _reading(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """All that is read in it is of one moment."""
        with self._readers.lent(deadline) as connection, transaction(connection, "DEFERRED"):
            yield connection

    @contextmanager
    def _writing(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """Nobody else writes meanwhile."""
        with self._writers.lent(deadline) as connection, transaction(connection, "IMMEDIATE"):
            yield connection


def _number(connection: sqlite3.Connection, view: View) -> int:
    """The view's own; _NOWHERE if it was never written to, or is dropped."""
    key = (view.projection, view.generation)
    row: tuple[int] | None = connection.execute(_NUMBER + _AND_KEPT, key).fetchone()
    return row[0] if row else _NOWHERE


def _forget(connection: sqlite3.Connection, view: View) -> int:
    """Let nobody see the view or commit to it any more; return its number, by which its rows are
    still to be removed."""
    key = (view.projection, view.generation)
    (number,) = connection.execute(_NUMBER, key).fetchone() or (_NOWHERE,)
    connection.execute(_FORGET, (number,))
    for statement in _CLEAR:
        connection.execute(statement, (number,))
    return int(number)


def _generations(connection: sqlite3.Connection, projection: str) -> Generations:
    row: tuple[int, int | None] | None = connection.execute(_GENERATIONS, (projection,)).fetchone()
    return Generations(*row) if row else Generations(1)


def _write_progress(connection: sqlite3.Connection, number: int, changes: Changes) -> None:
    """All but the rows."""
    connection.executemany(_RELEASE, [(number, stream) for stream in changes.released])
    connection.executemany(_PARK, [(number, *astuple(each)) for each in changes.parked])
    connection.executemany(_DISCARD, [(number, *astuple(each)) for each in changes.discarded])
    connection.executemany(_COUNT, [(number, *count) for count in changes.counts.items()])


def _parked(row: Sequence[Any]) -> Parked:
    stream, version, position, reason, upto, retry, discard = row
    return Parked(stream, version, position, reason, upto, bool(retry), discard)
